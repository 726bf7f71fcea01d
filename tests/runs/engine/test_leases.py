"""Claims: one winner, and nothing committed without the lease."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from queries.models import Export, Run, Status
from queries.models.runs import RunQuerySet
from queries.runs.engine.leases import LEASE_DURATION, claim, commit
from tests.factories import ExportFactory, RunFactory

pytestmark = pytest.mark.django_db


def test_what_one_has_claimed_nobody_else_gets():
    run = RunFactory(next_at=timezone.now())
    (mine,) = claim(Run.objects.all())
    assert mine.pk == run.pk
    assert mine.claims == 1
    assert timezone.now() < mine.lease_until <= timezone.now() + LEASE_DURATION
    assert claim(Run.objects.all()) == []


def test_the_lease_of_somebody_dead_runs_out():
    RunFactory()
    claim(Run.objects.all())
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    (again,) = claim(Run.objects.all())
    assert again.claims == 2


def test_those_due_first_are_taken_first_and_no_more_than_asked_for():
    now = timezone.now()
    runs = [RunFactory(next_at=now - timedelta(seconds=n)) for n in range(5)]
    taken = claim(Run.objects.all(), limit=2)
    assert {run.pk for run in taken} == {runs[4].pk, runs[3].pk}
    assert len({run.lease_token for run in taken}) == 1


def test_between_looking_and_taking_somebody_else_may_be_quicker(monkeypatch):
    run = RunFactory()
    taken = {"lease_token": run.pk, "lease_until": timezone.now() + LEASE_DURATION}
    look = RunQuerySet.values_list

    def look_and_be_slow(rows, *fields, **how):
        found = list(look(rows, *fields, **how))
        Run.objects.filter(pk=run.pk).update(**taken)
        return found

    monkeypatch.setattr(RunQuerySet, "values_list", look_and_be_slow)
    assert claim(Run.objects.all()) == []
    assert Run.objects.get().lease_token == run.pk


def test_rows_are_given_even_if_they_were_looked_for_by_their_dead_lease():
    RunFactory(lease_until=timezone.now() - timedelta(seconds=1))
    assert len(claim(Run.objects.filter(lease_until__lt=timezone.now()))) == 1


def test_only_the_holder_commits():
    RunFactory()
    (mine,) = claim(Run.objects.all())
    assert commit(mine, job_id="a")
    Run.objects.update(lease_token=uuid.uuid4())
    assert not commit(mine, job_id="b")
    assert Run.objects.get().job_id == "a"


def test_nobody_commits_to_a_run_that_has_ended():
    RunFactory()
    (mine,) = claim(Run.objects.all())
    Run.objects.update(status=Status.CANCELLED)
    assert not commit(mine, status=Status.SUCCEEDED)


def test_exports_are_claimed_the_same_way():
    export = ExportFactory()
    assert [one.pk for one in claim(Export.objects.all())] == [export.pk]
