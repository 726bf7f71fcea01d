"""What a provider offers beyond running a query: log, deletion, its own list, stopping all, its own files."""

from __future__ import annotations

import pytest
from django.urls import reverse

from queries.exports import builder
from queries.models import Connection, Export, Mode, Run, Status
from tests.all_providers import all_providers, connection_to  # noqa: F401 - a fixture
from tests.factories import RunFactory, UserFactory
from tests.scripted_server import Reply, Upstream, json_reply

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_providers")]
ROOT = "/_sme/async_requests"
TASKS = {
    "tasks": [
        {"id": "t-1", "status": "RUNNING", "query": "source shop", "user": "ada"},
        {"id": "t-2", "status": "COMPLETED", "query": "source <b>other</b>"},
    ]
}


@pytest.fixture
def upstream():
    with Upstream() as one:
        yield one


@pytest.fixture
def connection(user, upstream):
    return connection_to("saf", upstream.origin, owner=user)


@pytest.fixture
def run(user, connection):
    """A run that ended well and left its result at the provider."""
    return RunFactory(
        owner=user,
        connection=connection,
        provider="saf",
        mode=Mode.BACKGROUND,
        status=Status.SUCCEEDED,
        job_id="t-1",
    )


def url(name, thing):
    return reverse(name, args=[thing.pk])


def text(response):
    return response.content.decode()


def test_the_log_of_a_run_is_shown_line_by_line(page, run, upstream):
    line = {"timestamp": "2026-11-22T10:00:00Z", "level": "WARN", "message": "<i>slow"}
    upstream.on(f"{ROOT}/logs/t-1", json_reply({"id": "t-1", "logs": [line]}))
    shown = text(page.get(url("run_logs", run)))
    assert "WARN" in shown
    assert "&lt;i&gt;slow" in shown


def test_the_log_can_be_fetched_as_a_fragment(page, run, upstream):
    upstream.on(f"{ROOT}/logs/t-1", json_reply({"id": "t-1", "logs": []}))
    shown = text(page.get(url("run_logs", run), headers={"HX-Request": "true"}))
    assert "The log is empty" in shown
    assert "<html" not in shown


def test_a_provider_without_logs_says_so(page, user):
    shown = text(page.get(url("run_logs", RunFactory(owner=user, job_id="x"))))
    assert "Coralogix cannot show logs." in shown


def test_the_run_page_offers_what_the_provider_can(page, run):
    shown = text(page.get(url("run_detail", run)))
    assert url("run_logs", run) in shown
    assert url("run_delete_remote", run) in shown


def test_the_run_page_says_what_the_provider_cannot(page, user):
    run = RunFactory(owner=user, mode=Mode.BACKGROUND, job_id="j", status="succeeded")
    shown = text(page.get(url("run_detail", run)))
    assert url("run_logs", run) not in shown
    assert "offers no progress, no logs, no deleting results there" in shown


def test_a_result_is_deleted_at_the_provider_and_the_run_stays(page, run, upstream):
    upstream.on(f"{ROOT}/delete/t-1", json_reply({"acknowledged": True}))
    page.post(url("run_delete_remote", run))
    run.refresh_from_db()
    assert run.statistics["deleted_at_provider"]
    assert "deleted at the provider" in run.notes[0]
    assert [request.method for request in upstream.requests] == ["DELETE"]


def test_an_active_run_is_not_deleted_at_the_provider(page, run, upstream):
    Run.objects.update(status=Status.RUNNING)
    response = page.post(url("run_delete_remote", run), follow=True)
    assert "cancel it first" in text(response)
    assert upstream.requests == []


def test_a_run_without_a_job_never_asks_for_an_empty_id(page, run, upstream):
    Run.objects.update(job_id="")
    response = page.post(url("run_delete_remote", run), follow=True)
    assert "no job at the provider" in text(response)
    assert upstream.requests == []


def test_all_queries_are_stopped_only_by_somebody_who_says_so(
    page, connection, upstream
):
    upstream.on(f"{ROOT}/break/", json_reply({"acknowledged": True}))
    response = page.post(url("connection_cancel_all", connection), follow=True)
    assert "tick the box first" in text(response)
    assert upstream.requests == []
    page.post(url("connection_cancel_all", connection), {"sure": "yes"})
    assert upstream.paths() == [f"{ROOT}/break/"]


def test_the_confirmation_names_queries_not_started_here(page, connection):
    shown = text(page.get(url("connection_detail", connection)))
    assert "also those that were not started here" in shown


def test_the_providers_list_shows_queries_started_elsewhere(
    page, connection, run, upstream
):
    upstream.on(f"{ROOT}/status/", json_reply(TASKS))
    shown = text(page.get(url("connection_jobs", connection)))
    assert url("run_detail", run) in shown
    assert 'name="job" value="t-2"' in shown
    assert "&lt;b&gt;other" in shown


def test_a_list_that_cannot_be_had_is_explained(page, connection, upstream):
    upstream.on("*", Reply(503, body=b"later"))
    shown = text(page.get(url("connection_jobs", connection)))
    assert 'class="alert alert--error"' in shown


def test_a_query_started_elsewhere_is_adopted_once(page, connection, user, upstream):
    upstream.on(f"{ROOT}/status/", json_reply(TASKS))
    for _ in range(2):
        page.post(url("run_import", connection), {"job": "t-2"})
    run = Run.objects.get()
    assert (run.owner, run.job_id, run.mode) == (user, "t-2", Mode.BACKGROUND)
    assert (run.status, run.statement) == (Status.RUNNING, "source <b>other</b>")
    assert run.next_at


def test_only_a_query_of_the_list_is_adopted(page, connection, upstream):
    upstream.on(f"{ROOT}/status/", json_reply(TASKS))
    response = page.post(url("run_import", connection), {"job": "t-9"}, follow=True)
    assert "does not have this query any more" in text(response)
    assert not Run.objects.exists()


def test_a_file_made_by_the_provider_becomes_an_export(page, run, upstream):
    head = {"Content-Type": "text/csv", "Content-Disposition": "attachment"}
    upstream.on(f"{ROOT}/file_download/t-1", Reply(body=b"a,b\n1,2\n", headers=head))
    asked = {"format": "csv", "rows": "first", "limit": "7", "file_name": "mine"}
    page.post(url("run_provider_file", run), asked)
    export = Export.objects.get()
    assert "the provider" in text(page.get(url("export_detail", export)))
    builder.build_export(str(export.pk))
    export.refresh_from_db()
    assert (export.status, export.size) == (Status.SUCCEEDED, 8)
    assert upstream.requests[0].json()["download_results_size"] == 7
    response = page.get(url("export_download", export))
    assert b"".join(response.streaming_content) == b"a,b\n1,2\n"
    assert 'filename="mine.csv"' in response["Content-Disposition"]


def test_a_file_the_provider_cannot_make_fails_in_words(page, run, upstream):
    upstream.on("*", Reply(404, body=b"{}"))
    page.post(url("run_provider_file", run), {"format": "json", "rows": "all"})
    export = Export.objects.get()
    builder.build_export(str(export.pk))
    export.refresh_from_db()
    assert export.status == Status.FAILED
    assert export.error["message"]


def test_a_file_larger_than_we_keep_is_refused(page, run, upstream, settings):
    settings.MAX_BYTES = 4
    upstream.on("*", Reply(body=b"a,b\n1,2\n", headers={"Content-Type": "text/csv"}))
    page.post(url("run_provider_file", run), {"format": "csv", "rows": "all"})
    export = Export.objects.get()
    builder.build_export(str(export.pk))
    export.refresh_from_db()
    assert export.status == Status.FAILED
    assert not builder.file_path(export).exists()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"format": "csv"}, "choose a format"),
        ({"format": "ndjson", "rows": "all"}, "does not export ndjson files"),
    ],
)
def test_a_file_that_cannot_be_asked_for_is_explained(page, run, asked, why):
    response = page.post(url("run_provider_file", run), asked, follow=True)
    assert why in text(response)
    assert not Export.objects.exists()


def test_an_unfinished_run_has_no_file(page, run):
    Run.objects.update(status=Status.FAILED)
    asked = {"format": "csv", "rows": "all"}
    response = page.post(url("run_provider_file", run), asked, follow=True)
    assert "only finished background queries" in text(response)


def test_a_file_can_be_had_where_no_rows_are_kept_here(page, run, upstream):
    shown = text(page.get(url("run_detail", run)))
    assert 'id="results"' in shown
    assert 'id="export-menu"' not in shown
    assert url("run_provider_file", run) in shown


def test_what_a_run_offers_at_its_end_shows_without_a_new_page(page, run):
    shown = text(page.get(url("run_status", run), headers={"HX-Request": "true"}))
    assert url("run_provider_file", run) in shown
    menu = shown.split('id="run-more" hx-swap-oob="true"')[1]
    assert url("run_delete_remote", run) in menu
    Run.objects.update(status=Status.RUNNING)
    shown = text(page.get(url("run_status", run), headers={"HX-Request": "true"}))
    assert url("run_provider_file", run) not in shown
    assert "run-more" not in shown


def test_a_result_deleted_there_is_offered_no_more(page, run, upstream):
    upstream.on(f"{ROOT}/delete/t-1", json_reply({"acknowledged": True}))
    page.post(url("run_delete_remote", run))
    shown = text(page.get(url("run_detail", run)))
    assert url("run_provider_file", run) not in shown
    assert url("run_delete_remote", run) not in shown
    asked = {"format": "csv", "rows": "all"}
    response = page.post(url("run_provider_file", run), asked, follow=True)
    assert "was deleted at the provider" in text(response)
    assert not Export.objects.exists()


def test_a_file_is_offered_only_to_who_may_use_the_connection(page, run):
    Connection.objects.update(owner=UserFactory())
    shown = text(page.get(url("run_detail", run)))
    assert url("run_provider_file", run) not in shown


@pytest.mark.parametrize(("job", "ours"), [("t-1", False), ("t-2", True)])
def test_an_adopted_query_takes_its_time_from_where_it_is(
    page, connection, upstream, job, ours
):
    began = {"startTime": "2026-11-20T10:00:00Z"}
    tasks = [task | began for task in TASKS["tasks"]]
    upstream.on(f"{ROOT}/status/", json_reply({"tasks": tasks}))
    page.post(url("run_import", connection), {"job": job})
    run = Run.objects.get()
    assert run.submitted_at.isoformat() == "2026-11-20T10:00:00+00:00"
    assert (run.started_at == run.submitted_at) is not ours
