"""Threats that belong to no single page: the queue's pickles, hostile data, what leaves the site."""

from __future__ import annotations

import pickle
import re

import pytest
from django.conf import settings
from django.core.signing import BadSignature
from django.urls import get_resolver
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from queries.models import Mode
from queries.runs.engine import queue
from queries.runs.services import RunRequest, start_run
from tests.factories import KEY, PASSWORD, ConnectionFactory
from tests.paths import ROOT


def unpacked() -> list[dict]:
    return [SignedPackage.loads(row.payload) for row in OrmQ.objects.all()]


def orm_broker() -> bool:
    return "orm" in settings.Q_CLUSTER


@pytest.mark.skipif(not orm_broker(), reason="the queue is in Redis here")
def test_a_task_carries_an_id_and_nothing_else(user):
    run = start_run(
        RunRequest(
            owner=user,
            connection=ConnectionFactory(owner=user),
            statement="source logs | filter secret_field == 'x'",
            mode=Mode.BACKGROUND,
        )
    )
    queue.enqueue(queue.FETCH, str(run.pk))
    tasks = unpacked()
    assert {task["args"] for task in tasks} <= {(), (str(run.pk),)}
    assert KEY not in str(tasks)
    assert "secret_field" not in str(tasks)


def test_a_forged_task_is_not_unpickled():
    touched = []

    class Evil:
        def __reduce__(self):
            return touched.append, ("ran",)

    forged = SignedPackage.dumps({"id": 1}).split(":")
    forged[0] = pickle.dumps(Evil()).hex()
    with pytest.raises(BadSignature):
        SignedPackage.loads(":".join(forged))
    assert touched == []


def test_no_result_of_a_task_is_ever_stored():
    assert settings.Q_CLUSTER["save_limit"] == -1
    assert settings.Q_CLUSTER["ack_failures"] is True


def test_there_is_no_admin_and_no_open_set_up():
    routes = [str(pattern.pattern) for pattern in get_resolver().url_patterns]
    assert not [
        route for route in routes if re.search("admin|setup|install|debug", route)
    ]
    assert "django.contrib.admin" not in settings.INSTALLED_APPS


def test_no_key_is_written_down_in_the_repository():
    fernet = re.compile(r"(?<![\w-])[A-Za-z0-9_-]{43}=(?![\w=])")
    files = [
        path
        for folder in (
            "dashboard",
            "dataprime",
            "queries",
            "sandbox",
            "templates",
            "docs",
            ".ci",
        )
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".html", ".md", ".yaml", ""} and path.is_file()
    ]
    files += [
        ROOT / name
        for name in ("Dockerfile", "compose.yaml", ".env.example", "README.md")
    ]
    assert [str(path) for path in files if fernet.search(path.read_text())] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https://evil.example",
        "/%0d%0aSet-Cookie:x=1",
    ],
)
def test_no_next_leads_away_from_the_site(client, user, target):
    response = client.post(
        "/accounts/login/",
        {"username": user.email, "password": PASSWORD, "next": target},
    )
    assert response.headers["Location"].startswith("/")
    assert not response.headers["Location"].startswith(("//", "/\\"))
    assert "x" not in response.cookies
