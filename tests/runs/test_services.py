"""The verbs of runs, as pages call them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.conf import Conf

from queries import stored_results
from queries.models import ResultSet, Run, SchedulerLock, Status
from queries.providers.base import Capabilities
from queries.providers.coralogix.provider import Coralogix
from queries.runs import services as run_services
from queries.runs.engine import queue
from queries.runs.engine.orphan_jobs import cancel_job_in_background
from queries.runs.services import (
    InvalidRunError,
    RunRequest,
    cancel_all_runs,
    curl_command,
    delete_run,
    problems,
    rerun,
    share_run,
    start_run,
)
from tests.factories import (
    ConnectionFactory,
    ExportFactory,
    MembershipFactory,
    RunFactory,
    SavedQueryFactory,
    TeamFactory,
    UserFactory,
)
from tests.runs.engine import scripted_coralogix
from tests.runs.engine.queued_tasks import queued_args
from tests.scripted_server import Upstream

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def connection(user):
    return ConnectionFactory(owner=user)


@pytest.fixture
def make_request(user, connection):
    """A valid request; background, so that nothing is executed here."""

    def make(**changes):
        given = {
            "owner": user,
            "connection": connection,
            "statement": "source logs",
            "mode": "background",
        }
        return RunRequest(**(given | changes))

    return make


def test_a_run_is_a_row_with_everything_resolved(make_request):
    with time_machine.travel(NOON, tick=False):
        run = start_run(
            make_request(
                time_range="last-6h", settings={"syntax": "QUERY_SYNTAX_LUCENE"}
            )
        )
    run.refresh_from_db()
    assert run.status == Status.QUEUED
    assert (run.starts_at, run.ends_at) == (NOON - timedelta(hours=6), NOON)
    assert run.connection_name == run.connection.name
    assert run.provider == "coralogix"
    assert run.settings == {"syntax": "QUERY_SYNTAX_LUCENE"}
    assert run.gives_up_at == NOON + timedelta(hours=24)
    assert (run.range_start, run.range_end) == (None, None)


def test_days_begin_at_midnight_of_the_person(make_request):
    with time_machine.travel(NOON, tick=False):
        run = start_run(make_request(time_range="today", zone=ZoneInfo("Asia/Tokyo")))
    assert run.starts_at == datetime(2026, 11, 21, 15, tzinfo=UTC)


def test_an_absolute_range_is_kept_as_it_was_chosen(make_request):
    start, end = NOON - timedelta(days=2), NOON - timedelta(days=1)
    run = start_run(
        make_request(time_range="absolute", range_start=start, range_end=end)
    )
    assert (
        (run.starts_at, run.ends_at) == (run.range_start, run.range_end) == (start, end)
    )


def test_the_row_and_its_wake_up_are_one_transaction(make_request, monkeypatch):
    monkeypatch.setattr(Conf, "ORM", "default")
    start_run(make_request())
    assert len(queued_args(queue.RUN_SCHEDULER)) == 1


def test_the_same_form_sent_twice_is_one_run(make_request):
    request = make_request()
    assert start_run(request) == start_run(request)
    assert Run.objects.count() == 1


def test_two_sends_of_one_form_at_the_same_moment_are_one_run(
    make_request, monkeypatch
):
    request = make_request()
    first = start_run(request)
    looks = iter([None, first])
    monkeypatch.setattr(run_services, "_existing_run", lambda _request: next(looks))
    assert start_run(request) == first
    assert Run.objects.count() == 1


def test_another_clash_is_no_second_send(make_request, monkeypatch):
    request = make_request()
    start_run(request)
    monkeypatch.setattr(run_services, "_existing_run", lambda _request: None)
    with pytest.raises(IntegrityError):
        start_run(request)


def test_the_form_key_of_one_person_means_nothing_for_another(make_request):
    key = uuid.uuid4()
    other = UserFactory()
    mine = start_run(make_request(form_key=key))
    theirs = start_run(
        make_request(
            form_key=key, owner=other, connection=ConnectionFactory(owner=other)
        )
    )
    assert mine != theirs


def test_nobody_runs_on_a_strangers_connection(make_request):
    with pytest.raises(PermissionDenied, match="connection"):
        start_run(make_request(connection=ConnectionFactory()))
    assert Run.objects.count() == 0


def test_a_team_member_may_run_on_the_teams_connection(make_request, user):
    team = MembershipFactory(user=user).team
    shared = ConnectionFactory(team=team)
    assert start_run(make_request(connection=shared, team=team)).team == team


def test_nobody_shares_with_a_strange_team_or_uses_a_strange_saved_query(make_request):
    with pytest.raises(PermissionDenied, match="team"):
        start_run(make_request(team=TeamFactory()))
    with pytest.raises(PermissionDenied, match="saved query"):
        start_run(make_request(saved_query=SavedQueryFactory()))


def test_problems_are_found_without_a_call(make_request):
    fields = {problem.field for problem in problems(make_request(statement=" "))}
    assert fields == {"statement"}
    assert problems(make_request()) == []


def test_a_range_without_its_ends_is_a_problem(make_request):
    (problem,) = problems(make_request(time_range="absolute"))
    assert problem.field == "start"


@pytest.mark.parametrize("mode", ["background", "nonsense"])
def test_a_mode_that_is_not_offered_is_a_problem(make_request, monkeypatch, mode):
    monkeypatch.setattr(Coralogix, "capabilities", Capabilities(direct=True))
    (problem,) = problems(make_request(mode=mode))
    assert problem.field == "mode"


def test_an_invalid_request_is_not_started(make_request):
    with pytest.raises(InvalidRunError) as caught:
        start_run(make_request(statement=""))
    assert caught.value.problems[0].field == "statement"
    assert Run.objects.count() == 0


def test_advice_is_kept_with_the_run(make_request):
    run = start_run(make_request(mode="direct", time_range="last-30d"))
    assert [warning["code"] for warning in run.warnings] == ["frequent_range"]
    assert run.warnings[0]["cuts_result"] is False


def test_again_as_it_was_asks_for_the_same_range(make_request, user):
    first = start_run(make_request(time_range="last-1h"))
    again = rerun(first, owner=user, from_now=False, form_key=uuid.uuid4())
    assert again != first
    assert (again.starts_at, again.ends_at) == (first.starts_at, first.ends_at)
    assert again.time_range == "absolute"


def test_again_now_resolves_the_preset_anew(make_request, user):
    with time_machine.travel(NOON, tick=False):
        first = start_run(make_request(time_range="last-1h"))
    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        again = rerun(first, owner=user, from_now=True, form_key=uuid.uuid4())
    assert again.ends_at == NOON + timedelta(days=1)
    assert again.time_range == "last-1h"


def test_again_is_idempotent_too(make_request, user):
    first, key = start_run(make_request()), uuid.uuid4()
    again = [rerun(first, owner=user, from_now=True, form_key=key) for _ in range(2)]
    assert again[0] == again[1]


def test_a_teammate_runs_again_on_a_connection_of_their_own(make_request, user):
    saved = SavedQueryFactory(owner=user)
    first = start_run(make_request(saved_query=saved))
    mate = UserFactory()
    with pytest.raises(PermissionDenied):
        rerun(first, owner=mate, from_now=True, form_key=uuid.uuid4())
    own = ConnectionFactory(owner=mate)
    again = rerun(
        first, owner=mate, from_now=True, form_key=uuid.uuid4(), connection=own
    )
    assert (again.connection, again.saved_query) == (own, None)


def test_a_run_without_a_connection_cannot_be_rerun(user):
    run = RunFactory(owner=user, connection=None, connection_name="gone")
    with pytest.raises(PermissionDenied):
        rerun(run, owner=user, from_now=True, form_key=uuid.uuid4())


def test_cancelling_all_cancels_only_ones_own(make_request, user):
    mine = [start_run(make_request()) for _ in range(2)]
    other = RunFactory()
    RunFactory(owner=user, status=Status.SUCCEEDED)
    assert cancel_all_runs(user) == 2
    assert {Run.objects.get(pk=run.pk).status for run in mine} == {Status.CANCELLED}
    other.refresh_from_db()
    assert other.status == Status.QUEUED


def test_cancelling_all_takes_as_many_queries_for_many_as_for_few(make_request, user):
    taken = []
    for count in (2, 6):
        for _ in range(count):
            start_run(make_request())
            RunFactory(owner=user, mode="background", status=Status.RUNNING, job_id="j")
        with CaptureQueriesContext(database) as captured:
            assert cancel_all_runs(user) == 2 * count
        taken.append(len(captured))
        asked = Run.objects.filter(status=Status.RUNNING)
        assert not asked.filter(cancel_asked_at=None).exists()
        asked.delete()
        SchedulerLock.objects.update(wake_at=None)
    assert taken[0] == taken[1]


def test_cancelling_all_ends_waiting_fetches_with_the_rows_they_have(user):
    run = RunFactory(owner=user, mode="background", status=Status.FETCHING)
    run.notes = ["kept"]
    run.save()
    best = ResultSet.objects.create(run=run, row_count=3)
    held = RunFactory(
        owner=user,
        mode="background",
        status=Status.FETCHING,
        lease_until=timezone.now() + timedelta(minutes=1),
    )
    assert cancel_all_runs(user) == 2
    run.refresh_from_db()
    held.refresh_from_db()
    assert (run.status, run.result, run.notes) == (Status.CANCELLED, best, ["kept"])
    assert held.status == Status.FETCHING
    assert held.cancel_asked_at


def test_a_run_is_shared_with_a_team_of_its_owner_and_taken_back(user):
    run = RunFactory(owner=user)
    team = MembershipFactory(user=user).team
    share_run(run, team)
    assert Run.objects.get(pk=run.pk).team == run.team == team
    share_run(run, None)
    assert Run.objects.get(pk=run.pk).team is None
    with pytest.raises(PermissionDenied):
        share_run(run, TeamFactory())


def test_deleting_removes_rows_and_files_of_run_and_exports(
    user, data_dir, django_capture_on_commit_callbacks
):
    run = RunFactory(owner=user, status=Status.SUCCEEDED)
    result_set = ResultSet.objects.create(run=run)
    export = ExportFactory(run=run, result_set=result_set)
    files = [
        stored_results.result_dir(result_set) / "part.parquet",
        data_dir / "exports" / str(export.pk) / "result.csv",
        data_dir / "exports" / "other" / "kept.csv",
    ]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text("x")
    with django_capture_on_commit_callbacks(execute=True):
        delete_run(run)
    assert not Run.objects.exists()
    assert not ResultSet.objects.exists()
    assert [file.exists() for file in files] == [False, False, True]


def test_deleting_an_active_run_asks_the_provider_once_to_cancel(user):
    with Upstream() as upstream:
        scripted_coralogix.with_success_replies(upstream)
        connection = ConnectionFactory(
            owner=user, origin=upstream.origin, last_used_at=timezone.now()
        )
        cancel_job_in_background(connection, "job-9").join(10)
        assert upstream.requests[0].json() == {"queryId": "job-9"}
        upstream.on(scripted_coralogix.CANCEL, scripted_coralogix.UNAVAILABLE)
        cancel_job_in_background(connection, "job-9").join(10)
        assert upstream.paths() == [
            scripted_coralogix.CANCEL,
            scripted_coralogix.CANCEL,
        ]


def test_deleting_tells_the_provider_only_about_jobs(user, monkeypatch):
    told = []
    monkeypatch.setattr(
        run_services,
        "cancel_job_in_background",
        lambda connection, job: told.append(job),
    )
    delete_run(RunFactory(owner=user, status=Status.RUNNING, job_id="job-1"))
    delete_run(RunFactory(owner=user, status=Status.RUNNING))
    delete_run(RunFactory(owner=user, status=Status.SUCCEEDED, job_id="job-2"))
    assert told == ["job-1"]


def test_curl_names_the_address_and_never_the_key(make_request, connection):
    run = start_run(make_request())
    command = curl_command(run)
    assert command.startswith(
        f"curl {connection.origin}/api/v1/dataprime/background-query"
    )
    assert "$CORALOGIX_API_KEY" in command
    assert connection.reveal_key() not in command


def test_curl_without_the_connection_has_a_placeholder(user):
    run = RunFactory(owner=user, connection=None, connection_name="gone")
    assert "https://ENDPOINT" in curl_command(run)
