"""A key goes through every way of entering, showing and testing a connection, and is seen nowhere."""

from __future__ import annotations

import io
import json

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection as database
from django.urls import reverse

from queries.models import Connection, Role
from tests.factories import KEY, ConnectionFactory, MembershipFactory
from tests.scripted_server import CUT, Reply, Upstream, json_reply, ndjson_reply

pytestmark = pytest.mark.django_db

CANARY = "cxup_canary_in_the_mine_31415926535"
ECHOES = {
    "a good answer": ndjson_reply({"result": {"results": []}}),
    "a refusal that repeats the key": json_reply({"message": f"bad key {CANARY}"}, 401),
    "a header that repeats the key": json_reply({}, 403, X_Error=CANARY),
    "a plain text that repeats the key": Reply(500, f"Bearer {CANARY}".encode()),
    "a redirect that carries the key": Reply(
        307, headers={"Location": f"http://127.0.0.1:9/?key={CANARY}"}
    ),
    "an error inside the stream": ndjson_reply({"error": {"message": CANARY}}),
    "a line that is no JSON": Reply(parts=[CANARY.encode(), b"\n"]),
    "a broken connection": Reply(parts=[b'{"result"', CUT]),
    "no HTTP at all": Reply(raw=[CANARY.encode()]),
}


@pytest.fixture
def upstream(settings):
    with Upstream() as server:
        settings.UPSTREAM_HOSTS = [server.host_port]
        yield server


def entered(origin, **changes):
    data = {
        "name": "Prod",
        "option_region": "custom",
        "option_endpoint": origin,
        "key": CANARY,
    }
    return data | changes


def pages_of(page, connection):
    """Every page that shows something of a connection."""
    own = [reverse("connection_list"), reverse("run_new"), reverse("run_list")]
    own += [
        reverse(f"connection_{name}", args=[connection.pk])
        for name in ("detail", "delete")
    ]
    return [page.get(path) for path in own]


def everything_stored():
    """All rows of all tables as raw text, sessions decoded."""
    with database.cursor() as cursor:
        tables = database.introspection.table_names(cursor)
        rows = []
        for table in tables:
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")
            rows.append(repr(cursor.fetchall()))
    sessions = [json.dumps(session.get_decoded()) for session in Session.objects.all()]
    dump = io.StringIO()
    call_command("dumpdata", "queries", "sessions", "axes", stdout=dump)
    return "".join([*rows, *sessions, dump.getvalue()])


def unseen(*texts):
    for text in texts:
        assert CANARY not in text
        assert CANARY[5:25] not in text


def seen_by(response):
    return response.text + str(response.headers) + str(response.cookies)


@pytest.mark.parametrize("echo", ECHOES)
def test_a_key_is_seen_nowhere_whatever_the_provider_answers(page, upstream, log, echo):
    upstream.on("*", ECHOES[echo])
    created = page.post(reverse("connection_new"), entered(upstream.origin))
    connection = Connection.objects.get()
    tested = [
        page.post(
            reverse("connection_test", args=[connection.pk]),
            headers=headers,
            follow=True,
        )
        for headers in ({}, {"HX-Request": "true"})
    ]
    assert upstream.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    unseen(*map(seen_by, [created, *tested, *pages_of(page, connection)]))
    unseen(everything_stored(), log.getvalue(), repr(connection), str(vars(connection)))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"option_endpoint": "https://169.254.169.254"},
        {"option_endpoint": "https://user:pw@evil.example"},
        {"option_region": "mars"},
        {"key": f"{CANARY} with a space"},
        {"key": f"{CANARY}é"},
        {"team": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_a_refused_form_does_not_give_the_key_back(page, upstream, log, changes):
    path = reverse("connection_new")
    response = page.post(path, entered(upstream.origin, **changes))
    assert response.status_code == 422
    unseen(seen_by(response), everything_stored(), log.getvalue())


def test_an_edit_does_not_show_either_key(page, user, upstream, log):
    connection = ConnectionFactory(owner=user, origin=upstream.origin)
    path = reverse("connection_detail", args=[connection.pk])
    refused = page.post(path, entered(upstream.origin, name=""))
    changed = page.post(path, entered(upstream.origin), follow=True)
    pages = "".join(map(seen_by, [refused, changed, *pages_of(page, connection)]))
    unseen(pages, everything_stored(), log.getvalue())
    for text in (pages, everything_stored(), log.getvalue()):
        assert KEY not in text


def test_a_teammate_is_shown_less_than_the_last_four_characters(client, user, upstream):
    team = MembershipFactory(user=user).team
    connection = ConnectionFactory(
        owner=user, origin=upstream.origin, team=team, key=CANARY
    )
    client.force_login(MembershipFactory(team=team, role=Role.ADMIN).user)
    paths = [
        reverse("connection_list"),
        reverse("connection_detail", args=[connection.pk]),
        reverse("run_new"),
    ]
    for path in paths:
        html = client.get(path).text
        assert connection.name in html
        assert f"••{connection.key_last4}" not in html
        assert connection.key_fingerprint not in html
        assert connection.sealed_key not in html


def test_a_crash_with_a_key_at_hand_shows_no_key(client, user, upstream, log, settings):
    """The report that developers see hides what was posted, and local variables do not hold it."""
    settings.DEBUG = True
    client.force_login(user)
    client.raise_request_exception = False

    def crash(*_args):
        raise ZeroDivisionError

    with database.execute_wrapper(
        lambda execute, sql, params, many, context: (
            crash()
            if sql.startswith("INSERT INTO") and "queries_connection" in sql
            else execute(sql, params, many, context)
        )
    ):
        response = client.post(reverse("connection_new"), entered(upstream.origin))
    assert response.status_code == 500
    unseen(log.getvalue())
    assert "ZeroDivisionError" in response.text
    unseen(response.text)
