"""Room for stored rows: refused before the provider is asked, kept while rows arrive, told with what to delete."""

from __future__ import annotations

import pytest
from django.urls import reverse

from queries import quota
from queries.models import Run, Status
from queries.providers.errors import LimitExceededError
from queries.runs import services as run_services
from queries.runs.engine.executor import direct_executor
from queries.runs.refine import InvalidRefineError, RefineRequest, start_refine
from queries.runs.remote_jobs import RemoteJob, import_job
from queries.runs.services import InvalidRunError, RunRequest, delete_rows, start_run
from tests.factories import ConnectionFactory, ResultSetFactory, RunFactory, UserFactory
from tests.markup import one_line
from tests.runs.engine import scripted_coralogix
from tests.runs.engine.published_rows import column_values
from tests.scripted_server import Upstream
from tests.stored_results import log_rows, stored_run

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 30.0


@pytest.fixture
def upstream():
    with Upstream() as one:
        yield scripted_coralogix.with_success_replies(one)
    direct_executor.stop()


@pytest.fixture
def request_of(user, upstream):
    connection = ConnectionFactory(owner=user, origin=upstream.origin)
    return RunRequest(
        owner=user, connection=connection, statement="source logs", mode="direct"
    )


def holding(size, **changes):
    """A run whose stored rows take this room."""
    run = RunFactory(status=Status.SUCCEEDED, **changes)
    run.result = ResultSetFactory(run=run, size=size)
    run.save()
    return run


def test_a_run_that_could_keep_nothing_is_refused_before_the_provider_is_asked(
    request_of, upstream, settings
):
    settings.RESULT_BYTES = 1_000_000
    mine = holding(600_000, owner=request_of.owner, connection_name="Logs")
    holding(400_000)
    with pytest.raises(InvalidRunError) as refused:
        start_run(request_of)
    said = str(refused.value)
    assert said.startswith("Result storage is full (limit 976.6 KB).")
    assert said.endswith(
        f"Your largest: Logs, {mine.created_at:%Y-%m-%d %H:%M} (585.9 KB)."
    )
    assert upstream.requests == []
    delete_rows(mine)
    run = start_run(request_of)
    assert direct_executor.wait(run.pk, LONG)
    assert Run.objects.get(pk=run.pk).status == Status.SUCCEEDED


def test_a_disk_that_is_full_refuses_a_run_too(request_of, upstream, monkeypatch):
    monkeypatch.setattr(quota, "DISK_RESERVE", 10**18)
    with pytest.raises(InvalidRunError, match="The server's disk is full"):
        start_run(request_of)
    assert upstream.requests == []


def test_a_refine_and_an_adopted_query_need_room_too(
    request_of, settings, data_dir, monkeypatch
):
    user = request_of.owner
    origin = stored_run(log_rows(3), owner=user)
    settings.RESULT_BYTES = origin.result.size
    with pytest.raises(InvalidRefineError, match="Result storage is full"):
        start_refine(RefineRequest(owner=user, origin=origin, statement="source logs"))
    job = RemoteJob("j-1", None)
    monkeypatch.setattr(
        "queries.runs.remote_jobs.list_jobs", lambda *_given: [(job, None)]
    )
    with pytest.raises(LimitExceededError, match="Result storage is full"):
        import_job(request_of.connection, user, "j-1")
    assert Run.objects.count() == 1


def test_rows_that_fill_the_room_cut_the_result_and_say_so(
    request_of, upstream, settings, data_dir
):
    settings.RESULT_BYTES = 30_000
    batches = [scripted_coralogix.batch(first, 500) for first in range(0, 20_000, 500)]
    upstream.on(
        scripted_coralogix.QUERY,
        scripted_coralogix.ndjson_reply(
            {"queryId": "q"}, *batches, scripted_coralogix.COMPLETED
        ),
    )
    run = start_run(request_of)
    assert direct_executor.wait(run.pk, LONG)
    run = Run.objects.get(pk=run.pk)
    [cut] = run.result.cuts
    assert (run.status, cut["code"]) == (Status.SUCCEEDED, "our_store_limit")
    assert "is full (limit 29.3 KB). The rest was not kept." in cut["message"]
    assert 0 < run.result.row_count < 20_000
    assert not run.result.complete
    assert column_values(run) == list(range(run.result.row_count))


def test_the_list_of_runs_shows_what_stored_rows_use(page, user, settings):
    settings.RESULT_BYTES = 10_000_000
    assert "Storage:" not in page.get(reverse("run_list")).text
    holding(1_000_000, owner=user)
    holding(2_000_000, owner=UserFactory())
    text = one_line(page.get(reverse("run_list")).text)
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    assert "976.6 KB by your runs" in text
    assert "Storage: 2.9 MB of 9.5 MB used" in text
    assert 'value="30"' in text


def test_a_refused_run_keeps_what_was_typed(page, user, request_of, monkeypatch):
    monkeypatch.setattr(quota, "storage_full_reason", lambda: "There is no room.")
    form = {
        "connection": request_of.connection.pk,
        "statement": "source logs | limit 7",
        "mode": "direct",
        "time_range": "last-1h",
        "setting_syntax": "QUERY_SYNTAX_DATAPRIME",
        "setting_tier": "TIER_FREQUENT_SEARCH",
        "form_key": request_of.form_key,
    }
    response = page.post(reverse("run_new"), form)
    assert response.status_code == 422
    assert "There is no room. Delete rows you no longer need" in response.text
    assert "source logs | limit 7" in response.text
    assert not run_services.Run.objects.exists()
