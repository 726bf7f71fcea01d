"""/healthz: for probes, without a session."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from queries.models import Heartbeat

pytestmark = pytest.mark.django_db


def test_it_answers_anybody_without_a_session(client):
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert response["Cache-Control"] == "no-store, private"
    assert not response.cookies
    assert client.head("/healthz").status_code == 200


def test_it_tells_how_old_heartbeats_are(client):
    Heartbeat.objects.create(name="worker", at=timezone.now() - timedelta(seconds=5))
    answer = client.get("/healthz").json()
    assert answer["status"] == "ok"
    assert 5 <= answer["heartbeat_age_seconds"]["worker"] < 60


def test_a_stale_worker_is_told_but_does_not_fail_the_web_process(client):
    Heartbeat.objects.create(name="worker", at=timezone.now() - timedelta(minutes=9))
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["stale"] == ["worker"]


def test_without_a_database_it_is_503_and_says_nothing_more(client):
    def refuse(*_args):
        raise DatabaseError("could not connect to db.internal password=hunter2")

    with connection.execute_wrapper(refuse):
        response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json() == {"status": "down", "database": "unreachable"}


def test_it_is_not_redirected_to_https(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
    assert client.get("/accounts/login/").status_code == 301
