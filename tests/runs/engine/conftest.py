"""A scripted upstream to talk to over real HTTP, and runs that use it."""

from __future__ import annotations

import threading

import pytest
from django_q.conf import Conf

from queries.models import Mode, Run
from queries.runs.engine import backoff, executor, scheduler
from queries.runs.engine.lease_keeper import lease_keeper
from queries.runs.services import RunRequest, start_run
from tests.factories import ConnectionFactory
from tests.runs.engine import scripted_coralogix
from tests.scripted_server import Upstream


@pytest.fixture
def upstream():
    """A provider on which everything goes well until a test says otherwise."""
    with Upstream() as one:
        yield scripted_coralogix.with_success_replies(one)


@pytest.fixture
def connection(user, upstream):
    """A connection of ``user`` to the upstream."""
    return ConnectionFactory(owner=user, origin=upstream.origin)


@pytest.fixture
def make_request(user, connection):
    """Makes a request for a run."""

    def make(mode=Mode.DIRECT, **changes):
        given = {
            "owner": user,
            "connection": connection,
            "statement": "source logs",
            "mode": mode,
        }
        return RunRequest(**(given | changes))

    return make


@pytest.fixture
def background_run(make_request):
    """A background run that nobody has begun."""
    return start_run(make_request(Mode.BACKGROUND))


@pytest.fixture
def schedule_once():
    """Lets the pump do one step of every run, due or not, and gives the run as it is then."""

    def once(run):
        Run.objects.filter(pk=run.pk, next_at__isnull=False).update(
            next_at=run.created_at
        )
        scheduler.run_scheduler(run_seconds=0.01, idle_seconds=0)
        run.refresh_from_db()
        return run

    return once


@pytest.fixture(autouse=True)
def orm_broker(monkeypatch):
    """Where tests can look at them. Redis has its own tests, in test_bell and test_up."""
    monkeypatch.setattr(Conf, "ORM", "default")


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch):
    """Back-off without patience: the schedule itself has its own tests."""
    monkeypatch.setattr(backoff, "INITIAL_BACKOFF", 0.06)
    monkeypatch.setattr(backoff, "MAX_BACKOFF", 0.2)


@pytest.fixture(autouse=True)
def assert_nothing_running():
    """No direct run and no keeper may outlive its test, or it would write to the next one's rows."""
    yield
    executor.direct_executor.stop()
    for thread in threading.enumerate():
        if thread.name == "keeper":
            thread.join(5)
    assert lease_keeper.is_idle
