"""Tasks: an id and one line each; and the heartbeat they write."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError
from django.utils import timezone

from queries import tasks
from queries.exports import builder
from queries.models import Heartbeat
from queries.runs.engine import fetching, heartbeat, scheduler


def test_each_task_calls_its_verb(monkeypatch):
    called = []
    monkeypatch.setattr(heartbeat, "force_beat", lambda: called.append("beat"))
    monkeypatch.setattr(heartbeat, "_beat_safely", lambda: None)
    monkeypatch.setattr(scheduler, "run_scheduler", lambda: called.append("scheduler"))
    monkeypatch.setattr(fetching, "fetch", lambda pk: called.append(("fetch", pk)))
    monkeypatch.setattr(
        builder, "build_export", lambda pk: called.append(("export", pk))
    )
    tasks.run_scheduler()
    tasks.fetch("run")
    tasks.build_export("export")
    tasks.beat()
    assert called == ["scheduler", ("fetch", "run"), ("export", "export"), "beat"]


@pytest.mark.django_db
def test_a_beat_is_written_and_not_too_often():
    assert heartbeat.last_beat() is None
    assert not heartbeat.is_alive()
    heartbeat.beat()
    first = heartbeat.last_beat()
    heartbeat.beat()
    assert heartbeat.last_beat() == first
    heartbeat.force_beat()
    assert heartbeat.last_beat() > first
    Heartbeat.objects.update(at=timezone.now() - timedelta(seconds=4))
    heartbeat.beat()
    assert heartbeat.last_beat() >= first
    assert heartbeat.is_alive()


@pytest.mark.django_db(transaction=True)
def test_a_long_task_beats_while_it_runs(monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_INTERVAL", timedelta(seconds=0.01))
    beats, enough = [], threading.Event()
    beat = heartbeat.beat

    def watched():
        beat()
        beats.append(heartbeat.last_beat())
        if beats[-1] > beats[0]:
            enough.set()

    monkeypatch.setattr(heartbeat, "beat", watched)
    with heartbeat.beat_in_background():
        assert enough.wait(10)


def test_a_database_that_is_away_is_no_reason_to_end_a_task(monkeypatch, caplog):
    tried = threading.Event()

    def away():
        tried.set()
        raise DatabaseError

    monkeypatch.setattr(heartbeat, "beat", away)
    with heartbeat.beat_in_background():
        assert tried.wait(10)
    assert "beat_missed" in caplog.text


@pytest.mark.django_db
def test_the_health_check_of_a_worker_tells_its_state(capsys):
    with pytest.raises(CommandError, match="not working"):
        call_command("heartbeat")
    heartbeat.beat()
    call_command("heartbeat")
    assert capsys.readouterr().out.startswith("alive")
