"""Refines: a statement on stored rows, carried out here, with nobody called."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from queries import reading, refining
from queries.engine import direct, sweep
from queries.engine.record import remove_rows
from queries.models import Mode, Run, Status
from queries.refining import InvalidRefineError, RefineRequest, start_refine
from queries.runs import cancel_run, delete_run, wait_for
from tests.factories import MembershipFactory, RunFactory, TeamFactory, UserFactory
from tests.stored import log_rows, stored_run

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 60


@pytest.fixture(autouse=True)
def no_refine_outlives_its_test():
    yield
    direct.refines.stop()


@pytest.fixture
def origin(user):
    """Thirty log lines as the provider sent them, originals included."""
    return stored_run(log_rows(30), owner=user)


def refined(origin, statement, language="dataprime", **changes):
    asked = RefineRequest(
        owner=changes.pop("owner", origin.owner),
        origin=origin,
        statement=statement,
        language=language,
        **changes,
    )
    return wait_for(start_refine(asked), LONG)


def rows_of(run):
    assert run.error is None
    with reading.open_result(run.result) as reader:
        return [json.loads(reader.row(n)) for n in range(reader.total)]


def test_an_aggregate_in_dataprime_gives_flat_rows(origin):
    run = refined(origin, "source logs | groupby $m.severity aggregate count() as n")
    assert run.status == Status.SUCCEEDED
    assert run.mode == Mode.REFINE
    assert run.origin == origin
    assert run.connection is None
    assert rows_of(run) == [
        {"severity": "Info", "n": 10},
        {"severity": "Warning", "n": 10},
        {"severity": "Error", "n": 10},
    ]
    kinds = {c["name"]: c["kind"] for c in run.result.columns}
    assert kinds == {"severity": "severity", "n": "integer"}
    assert run.result.complete
