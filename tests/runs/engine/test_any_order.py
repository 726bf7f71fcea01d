"""Any order of steps, crashes, repeats, cancels and refusals: what must hold holds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from queries.models import ACTIVE_STATUSES, RateBucket, Run, SchedulerLock, Status
from queries.runs.engine import fetching, recovery, scheduler
from queries.runs.engine.leases import claim
from queries.runs.engine.steps import Step, reschedule_outcome
from queries.runs.services import cancel_run, start_run
from tests.runs.engine import scripted_coralogix
from tests.runs.engine.published_rows import column_values
from tests.scripted_server import CUT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ROWS = 4

SUBMITS = [
    scripted_coralogix.job_submitted(),
    scripted_coralogix.job_submitted(),
    scripted_coralogix.job_submitted(),
    scripted_coralogix.CONNECTION_CLOSED,
    scripted_coralogix.too_many_requests(),
    scripted_coralogix.UNAVAILABLE,
]
STATES = [
    scripted_coralogix.WAITING,
    scripted_coralogix.RUNNING,
    scripted_coralogix.SUCCESS,
    scripted_coralogix.SUCCESS,
    scripted_coralogix.SUCCESS,
    scripted_coralogix.CANCELLED,
    scripted_coralogix.UNKNOWN_STATE,
    scripted_coralogix.UNAVAILABLE,
    scripted_coralogix.job_failed(),
]
CANCELS = [
    scripted_coralogix.EMPTY_JSON,
    scripted_coralogix.UNAVAILABLE,
    scripted_coralogix.NOT_FOUND,
    scripted_coralogix.Reply(409),
]
STREAMS = [
    scripted_coralogix.data(ROWS, scripted_coralogix.COMPLETED),
    scripted_coralogix.Reply(
        parts=[
            scripted_coralogix.ndjson_reply(scripted_coralogix.data_batch(0, 2)).parts[
                0
            ],
            CUT,
        ]
    ),
    scripted_coralogix.UNAVAILABLE,
]


class BackgroundRun(RuleBasedStateMachine):
    """One background run and one scripted provider; a subclass says which."""

    ask = None
    upstream = None

    def __init__(self):
        super().__init__()
        Run.objects.all().delete()
        SchedulerLock.objects.all().delete()
        RateBucket.objects.all().delete()
        scripted_coralogix.with_success_replies(self.upstream)
        self.run = start_run(self.ask("background"))
        self.dead = []
        self.ended_as = None

    def time_passes(self):
        """Leases of the dead run out, and everything is due."""
        past = timezone.now() - timedelta(seconds=1)
        Run.objects.filter(lease_token__isnull=False).update(lease_until=past)
        Run.objects.filter(status__in=ACTIVE_STATUSES).update(next_at=past)
        RateBucket.objects.update(blocked_until=None, taken=[])

    @rule(
        submit=st.sampled_from(SUBMITS),
        state=st.sampled_from(STATES),
        cancel=st.sampled_from(CANCELS),
    )
    def pump_once(self, submit, state, cancel):
        self.time_passes()
        self.upstream.on(scripted_coralogix.SUBMIT, submit)
        self.upstream.on(scripted_coralogix.STATUS, state)
        self.upstream.on(scripted_coralogix.CANCEL, cancel)
        scheduler.run_scheduler(run_seconds=0.001, idle_seconds=0)

    @rule(stream=st.sampled_from(STREAMS))
    def fetch_once(self, stream):
        self.time_passes()
        self.upstream.on(scripted_coralogix.DATA, stream)
        fetching.fetch(str(self.run.pk))

    @rule(announced=st.booleans())
    def a_pump_dies_with_the_run_in_hand(self, announced):
        self.time_passes()
        for run in claim(scheduler.scheduled_runs()):
            run = Run.objects.select_related("connection", "owner").get(pk=run.pk)
            step = scheduler.prepare_step(run) if announced else None
            if isinstance(step, Step | None):
                self.dead.append(run)

    @rule()
    def the_dead_try_to_commit(self):
        """Back from a long sleep, with an outcome that nobody wants any more."""
        for run in self.dead:
            before = Run.objects.get(pk=run.pk)
            late = reschedule_outcome(0, status=Status.FETCHING, job_id="late")
            mine = before.lease_token == run.lease_token and before.is_active
            assert scheduler.commit_outcome(run, late) is mine
        self.dead.clear()

    @rule(they_do=st.sampled_from([False] * 7 + [True]))
    def somebody_cancels(self, they_do):
        if they_do:
            cancel_run(Run.objects.get(pk=self.run.pk))

    @rule()
    def the_sweep_comes_by(self):
        recovery.recover()

    @invariant()
    def an_end_is_an_end(self):
        run = Run.objects.get(pk=self.run.pk)
        if self.ended_as is None and not run.is_active:
            self.ended_as = (run.status, run.finished_at, run.result_id)
        if self.ended_as is not None:
            assert (run.status, run.finished_at, run.result_id) == self.ended_as
            assert run.lease_token is None
            assert run.finished_at

    @invariant()
    def success_means_every_row_once(self):
        run = Run.objects.get(pk=self.run.pk)
        if run.status == Status.SUCCEEDED:
            assert run.result.complete
            assert column_values(run) == list(range(ROWS))
            assert run.result_sets.count() == 1
            assert run.cancel_asked_at is None or run.cancel_asked_at <= run.finished_at

    @invariant()
    def what_happened_is_told(self):
        run = Run.objects.get(pk=self.run.pk)
        assert run.submits <= 3
        if run.submits > 1:
            assert any(note.startswith("Submitted ") for note in run.notes)
        if run.status == Status.FAILED:
            assert run.error["message"]
        if run.status == Status.CANCELLED and not run.cancel_asked_at:
            assert any("cancelled at the provider" in note for note in run.notes)


def test_any_order_of_events_keeps_the_promises(make_request, upstream):
    run_state_machine_as_test(
        type(
            "Machine",
            (BackgroundRun,),
            {"ask": staticmethod(make_request), "upstream": upstream},
        ),
        settings=settings(
            max_examples=40,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
