"""Text that people enter is text on every page, whatever it looks like."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from queries.models import Connection, Invitation, Run, SavedQuery, Team, User
from tests.views.shared_objects import make_shared_objects
from tests.views.test_access import EXPECTED

pytestmark = pytest.mark.django_db

HOSTILE = (
    "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}{% now 'Y' %}"
)


def test_nothing_entered_becomes_markup():
    world = make_shared_objects()
    User.objects.update(name=HOSTILE)
    Team.objects.update(name=HOSTILE)
    Invitation.objects.update(email=HOSTILE)
    Connection.objects.update(name=HOSTILE, test_message=HOSTILE, test_ok=False)
    SavedQuery.objects.update(
        name=HOSTILE, description=HOSTILE, statement=HOSTILE, tags=[HOSTILE]
    )
    Run.objects.update(
        statement=HOSTILE, connection_name=HOSTILE, native_status=HOSTILE
    )
    client = Client()
    client.force_login(world.users["owner"])
    seen = 0
    for method, name in sorted(EXPECTED):
        if method == "GET" and name not in {"sign_in_link", "export_download"}:
            path = reverse(name, args=world.url_arguments(name))
            html = client.get(path, {"q": HOSTILE, "tag": HOSTILE}).text
            assert "<img src=x" not in html, name
            assert "<script>alert" not in html, name
            seen += html.count("&lt;img src=x")
    assert seen > 30
