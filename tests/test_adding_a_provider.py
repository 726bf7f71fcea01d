"""docs/adding-a-provider.md, followed to the letter: the toy runs through the whole product."""

from __future__ import annotations

import re
import sys
import types
import uuid
from pathlib import Path

import pytest
from django.urls import reverse

from queries.engine import direct
from queries.models import Connection, Run
from queries.providers import registry
from tests.factories import KEY
from tests.upstream import Upstream, as_json, as_lines

PAGE = (
    Path(__file__).resolve().parent.parent / "docs" / "adding-a-provider.md"
).read_text()


@pytest.fixture
def toy(monkeypatch):
    """Steps 1 and 2: the class on the page, as a module, and its line in the registry."""
    code = re.search(r"```python\n(.*?)```", PAGE, re.S)[1]
    module = types.ModuleType("toy_of_the_docs")
    exec(compile(code, "adding-a-provider.md", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    line = ("Toy", module.__name__, "Toy")
    monkeypatch.setattr(registry, "_PROVIDERS", registry._PROVIDERS | {"toy": line})


@pytest.fixture
def upstream():
    with Upstream() as one:
        yield one
    direct.pool.stop()


@pytest.mark.django_db(transaction=True)
def test_a_provider_written_as_the_page_says_works_in_the_whole_product(
    page, toy, upstream
):
    upstream.on("/ask", as_lines({"answer": 42, "nested": {"ü": None}}, {"answer": 43}))
    created = page.post(
        "/connections/new/?provider=toy",
        {"name": "My toy", "option_address": upstream.origin, "key": KEY},
    )
    connection = Connection.objects.get()
    assert created.status_code == 302
    assert (
        "Toy let the key in."
        in page.post(reverse("connection_test", args=[connection.pk]), follow=True).text
    )
    response = page.post(
        "/runs/new/",
        {
            "form_key": str(uuid.uuid4()),
            "connection": str(connection.pk),
            "statement": "what is it?",
            "mode": "direct",
            "setting_colour": "blue",
        },
        follow=True,
    )
    assert "Succeeded" in response.text
    assert Run.objects.get().rows_received == 2
    assert upstream.requests[-1].json() == {"ask": "what is it?", "colour": "blue"}
    assert upstream.requests[-1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.django_db
def test_what_the_toy_cannot_do_is_not_offered(page, toy, user, upstream):
    upstream.on("/ask", as_json({"message": "no"}, 401))
    page.post(
        "/connections/new/?provider=toy",
        {"name": "My toy", "option_address": upstream.origin, "key": KEY},
    )
    text = page.get("/runs/new/").text
    assert 'value="background"' not in text
    assert 'name="time_range"' not in text
    connection = Connection.objects.get()
    told = page.post(reverse("connection_test", args=[connection.pk]), follow=True).text
    assert "key" in told.lower()


def test_the_page_has_at_most_five_steps():
    assert re.findall(r"^\*\*(\d)\.", PAGE, re.M) == ["1", "2", "3", "4", "5"]
