"""Asking a provider about a query before it runs: only where it can, and nothing is lost or started by it."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse

from queries.models import Run
from tests.all_providers import all_providers, connection_to  # noqa: F401 - a fixture
from tests.scripted_server import Reply, Upstream, json_reply

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_providers")]
VALIDATE, TIMELINE = "/_sme/queryStats/validate", "/_sme/queryStats/timeline"
BUCKETS = [
    {"@timestamp": "2026-11-22T10:00:00Z", "count": 5},
    {"@timestamp": "2026-11-22T11:00:00Z", "count": 1_229},
]


@pytest.fixture
def upstream():
    with Upstream() as one:
        one.on(VALIDATE, json_reply({"sidebar": True, "timeline": True}))
        one.on(TIMELINE, json_reply({"fields": BUCKETS}))
        yield one


@pytest.fixture
def connection(user, upstream):
    return connection_to("saf", upstream.origin, owner=user)


def check(page, connection, statement="source shop-* | search <b>", *, htmx=True):
    asked = {
        "form_key": uuid.uuid4(),
        "connection": connection.pk,
        "statement": statement,
        "mode": "background",
        "time_range": "last-1h",
        "setting_time_source": "chosen",
        "setting_execution_cost": "DEBUG",
    }
    head = {"HX-Request": "true"} if htmx else {}
    return page.post(reverse("run_preview"), asked, headers=head)


def test_the_form_offers_a_check_where_the_provider_can(page, user, connection):
    shown = page.get(reverse("run_new"), {"connection": connection.pk})
    assert reverse("run_preview") in shown.content.decode()
    other = connection_to("polytomic", owner=user)
    shown = page.get(reverse("run_new"), {"connection": other.pk})
    assert reverse("run_preview") not in shown.content.decode()


def test_enter_runs_the_query_instead_of_checking_it(page, connection):
    shown = page.get(reverse("run_new"), {"connection": connection.pk})
    form = shown.content.decode().split('id="run-form"')[1].split("</form>")[0]
    first = form.split("<button")[1]
    assert "formaction" not in first
    assert "Run" in first


def test_the_page_says_what_the_query_looks_at(page, connection, upstream):
    text = check(page, connection).content.decode()
    assert "looks at 1,234 events" in text
    assert text.count("<meter") == 2
    assert 'id="run-preview"' in text
    assert "<html" not in text
    assert upstream.paths() == [VALIDATE, TIMELINE]
    assert not Run.objects.exists()


def test_without_a_script_the_form_comes_back_as_it_was(page, connection):
    text = check(page, connection, htmx=False).content.decode()
    assert "looks at 1,234 events" in text
    assert "source shop-* | search &lt;b&gt;" in text
    assert '<option value="DEBUG" selected>' in text


def test_a_refusal_is_told_in_the_providers_words(page, connection, upstream):
    error = {"type": "parsing_exception", "reason": "line 1:9 unexpected [<i>]"}
    upstream.on(VALIDATE, json_reply({"error": error, "status": 400}, 400))
    response = check(page, connection)
    text = response.content.decode()
    assert response.status_code == 200
    assert "line 1:9 unexpected [&lt;i&gt;]" in text
    assert "parsing_exception" in text


def test_a_server_in_trouble_is_explained(page, connection, upstream):
    upstream.on(VALIDATE, Reply(503, body=b"later"))
    assert 'class="alert alert--error"' in check(page, connection).content.decode()


@pytest.mark.parametrize("htmx", [True, False])
def test_a_form_that_is_not_filled_in_asks_nobody(page, connection, upstream, htmx):
    response = check(page, connection, " ", htmx=htmx)
    assert response.status_code == 422
    assert response.content.decode().count('class="error-summary"') == 1
    assert upstream.requests == []


def test_a_connection_of_somebody_else_is_not_asked(page, upstream):
    response = check(page, connection_to("saf", upstream.origin))
    assert response.status_code == 422
    assert upstream.requests == []


def test_a_provider_that_cannot_check_says_so(page, user):
    other = connection_to("polytomic", owner=user)
    asked = {
        "form_key": uuid.uuid4(),
        "connection": other.pk,
        "statement": "select 1",
        "mode": "background",
        "setting_connection_id": uuid.uuid4(),
    }
    response = page.post(reverse("run_preview"), asked)
    assert "cannot check queries before they run" in response.content.decode()
