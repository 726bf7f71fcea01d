"""The sweep: what crashes, lost wake-ups and time leave behind."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from queries import stored_results
from queries.models import RateBucket, ResultPart, ResultSet, Run, SchedulerLock, Status
from queries.runs.engine import executor, queue, recovery
from queries.runs.engine.scheduler import SchedulerLease
from queries.runs.services import start_run
from tests.factories import ResultSetFactory, RunFactory
from tests.runs.engine.queued_tasks import queued_args

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(hours=1)


@pytest.fixture
def overdue(background_run):
    """A run that should have been moved a while ago, and whose wake-up is lost."""
    OrmQ.objects.all().delete()
    Run.objects.update(next_at=timezone.now() - timedelta(seconds=10))
    return background_run


def stored(run, *names, rows=3):
    """A result set of ``run`` with files of these names, all recorded."""
    result_set = ResultSetFactory(run=run, row_count=rows * len(names))
    directory = stored_results.result_dir(result_set)
    directory.mkdir(parents=True)
    for seq, name in enumerate(names):
        written(directory / name)
        ResultPart.objects.create(
            result_set=result_set,
            seq=seq,
            name=name,
            first_row=seq * rows,
            rows=rows,
            size=1,
        )
    return result_set


def written(path: Path, age=LONG_AGO):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("rows")
    for one in (path, path.parent):
        at = (timezone.now() - age).timestamp()
        os.utime(one, (at, at))
    return path


def test_a_lost_wake_up_is_rung_again(overdue):
    recovery.recover()
    assert len(queued_args(queue.RUN_SCHEDULER)) == 1


def test_sweeping_often_does_not_pile_up_wake_ups(overdue):
    for _ in range(10):
        recovery.recover()
    assert len(queued_args(queue.RUN_SCHEDULER)) == 1
    SchedulerLock.objects.update(nudged_at=timezone.now() - timedelta(seconds=10))
    recovery.recover()
    assert len(queued_args(queue.RUN_SCHEDULER)) == 2


def test_while_somebody_pumps_nothing_is_rung(overdue):
    SchedulerLease.acquire()
    recovery.recover()
    assert queued_args(queue.RUN_SCHEDULER) == []


def test_a_purged_queue_is_no_loss(background_run):
    OrmQ.objects.all().delete()
    recovery.recover()
    assert queued_args(queue.RUN_SCHEDULER) == []
    Run.objects.update(next_at=timezone.now() - timedelta(seconds=2))
    recovery.recover()
    assert len(queued_args(queue.RUN_SCHEDULER)) == 1


def test_a_dead_fetch_is_rung_for_once_in_a_while(background_run):
    Run.objects.update(
        status=Status.FETCHING,
        next_at=timezone.now(),
        lease_token=background_run.pk,
        lease_until=timezone.now() - timedelta(seconds=1),
    )
    for _ in range(5):
        recovery.recover()
    assert queued_args(queue.FETCH) == [(str(background_run.pk),)]


def test_a_living_fetch_is_left_alone(background_run):
    Run.objects.update(
        status=Status.FETCHING, lease_until=timezone.now() + timedelta(seconds=9)
    )
    recovery.recover()
    assert queued_args(queue.FETCH) == []


def test_a_direct_run_whose_process_is_gone_ends_in_words(user):
    run = RunFactory(
        owner=user,
        status=Status.FETCHING,
        lease_token=user_uuid(),
        lease_until=timezone.now(),
    )
    part = stored(run, "a.parquet")
    recovery.recover()
    run.refresh_from_db()
    assert (run.status, run.error["code"]) == (Status.FAILED, "interrupted")
    assert "Run it again" in run.error["remedy"]
    assert run.result == part
    assert not run.result.complete
    assert run.result.cuts[0]["code"] == "interrupted"


def user_uuid():
    import uuid

    return uuid.uuid4()


def test_a_cancelled_direct_run_whose_process_is_gone_is_cancelled(user):
    run = RunFactory(
        owner=user,
        status=Status.RUNNING,
        lease_until=timezone.now(),
        cancel_asked_at=timezone.now(),
    )
    recovery.recover()
    run.refresh_from_db()
    assert (run.status, run.error) == (Status.CANCELLED, None)


def test_a_direct_run_that_was_never_begun_is_found_too(make_request):
    run = start_run(make_request())
    assert run.lease_until > timezone.now() + timedelta(seconds=20)
    Run.objects.update(lease_until=timezone.now())
    recovery.recover()
    run.refresh_from_db()
    assert run.error["code"] == "interrupted"


def test_a_living_direct_run_is_left_alone(user):
    run = RunFactory(owner=user, status=Status.RUNNING)
    executor.assign_lease(run)
    run.save()
    recovery.recover()
    run.refresh_from_db()
    assert run.status == Status.RUNNING


def test_an_expired_result_is_removed_and_the_run_says_so():
    run = RunFactory(
        status=Status.SUCCEEDED, expires_at=timezone.now() - timedelta(seconds=1)
    )
    run.result = stored(run, "a.parquet")
    run.save()
    directory = stored_results.result_dir(run.result)
    assert recovery.expire_results() == 1
    run.refresh_from_db()
    assert run.result is None
    assert (run.result_removed_why, bool(run.result_removed_at)) == ("expired", True)
    assert not directory.exists()
    assert ResultSet.objects.count() == 0
    assert recovery.expire_results() == 0


def test_a_result_that_is_still_good_stays():
    run = RunFactory(
        status=Status.SUCCEEDED, expires_at=timezone.now() + timedelta(days=1)
    )
    run.result = stored(run, "a.parquet")
    run.save()
    recovery.clean_up()
    run.refresh_from_db()
    assert stored_results.result_dir(run.result).joinpath("a.parquet").exists()


def test_attempts_nobody_reads_are_removed_once_the_run_is_over():
    run = RunFactory(status=Status.FAILED, finished_at=timezone.now() - LONG_AGO)
    left = stored(run, "a.parquet")
    active = RunFactory(status=Status.FETCHING)
    kept = stored(active, "b.parquet")
    assert recovery.delete_superseded_attempts() == 1
    assert list(ResultSet.objects.all()) == [kept]
    assert not stored_results.result_dir(left).exists()


def test_files_no_row_names_are_removed_and_the_others_stay():
    kept = stored(RunFactory(), "kept.parquet")
    directory = stored_results.result_dir(kept)
    written(directory / "stray.parquet")
    written(directory / "new.parquet", age=timedelta(0))
    assert recovery.delete_orphan_files() == 1
    assert sorted(path.name for path in directory.iterdir()) == [
        "kept.parquet",
        "new.parquet",
    ]


def test_what_a_killed_sort_left_is_removed_with_its_directory():
    kept = stored(RunFactory(), "kept.parquet")
    directory = stored_results.result_dir(kept)
    left = written(directory / ".sort-x" / "spilled").parent
    assert recovery.delete_orphan_files() == 1
    assert not left.exists()
    assert (directory / "kept.parquet").exists()


def test_a_directory_that_vanishes_meanwhile_is_no_error(monkeypatch, caplog):
    def vanished(*_args, **_more):
        raise FileNotFoundError

    stored(RunFactory(), "kept.parquet")
    monkeypatch.setattr(recovery, "orphan_directories", vanished)
    assert recovery.delete_orphan_files() == 0
    assert "orphans_stay" in caplog.text
    monkeypatch.setattr(Path, "iterdir", vanished)
    assert recovery.delete_orphan_files() == 0


def test_many_results_are_looked_up_in_few_queries(django_assert_num_queries):
    for _ in range(5):
        stored(RunFactory(), "kept.parquet")
    with django_assert_num_queries(2):
        assert recovery.delete_orphan_files() == 0


def test_directories_no_row_names_are_removed_once_they_are_old(data_dir):
    results = data_dir / "results"
    old = written(results / str(user_uuid()) / str(user_uuid()) / "a.parquet")
    new = written(
        results / str(user_uuid()) / str(user_uuid()) / "a.parquet", age=timedelta(0)
    )
    odd = written(results / "odd" / "not-a-uuid" / "a.parquet")
    assert recovery.delete_orphan_files() == 2
    assert new.exists()
    assert not old.parent.exists()
    assert not odd.parent.exists()
    recovery.delete_orphan_files()
    assert [path.name for path in results.iterdir()] == [new.parent.parent.name]


def test_a_directory_that_cannot_be_removed_is_told_and_left(
    data_dir, monkeypatch, caplog
):
    from queries.results import StorageError

    def refuse(_directory):
        raise StorageError

    monkeypatch.setattr(recovery, "remove_result", refuse)
    written(data_dir / "results" / str(user_uuid()) / str(user_uuid()) / "a.parquet")
    assert recovery.delete_orphan_files() == 0
    assert "orphans_stay" in caplog.text


def test_buckets_nobody_uses_are_forgotten():
    RateBucket.objects.create(key="old")
    RateBucket.objects.update(updated_at=timezone.now() - timedelta(days=2))
    RateBucket.objects.create(key="new")
    recovery.clean_up()
    assert list(RateBucket.objects.values_list("key", flat=True)) == ["new"]


def test_tidying_is_done_once_in_ten_minutes_over_all_processes(monkeypatch):
    done = []
    monkeypatch.setattr(recovery, "clean_up", lambda: done.append(1))
    for _ in range(3):
        recovery.recover()
    assert done == [1]
