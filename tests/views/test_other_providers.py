"""The forms of providers that differ from one another; what they offer comes from what each declares."""

from __future__ import annotations

import html
import json
import re
import uuid

import pytest
from django.urls import reverse

from queries.models import Run, SavedQuery
from tests.all_providers import all_providers, connection_to  # noqa: F401 - a fixture
from tests.factories import ConnectionFactory
from tests.markup import one_line

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_providers")]
NEW = reverse("run_new")
REPORT = {
    "setting_input": "form",
    "setting_ds_id": "AW",
    "setting_ds_accounts": "list.all_accounts",
    "setting_fields": "Campaignname, Clicks",
    "setting_date_range_type": "last_month",
    "setting_compare_type": "none",
}


@pytest.fixture(autouse=True)
def allowed(settings):
    settings.UPSTREAM_HOSTS = ["127.0.0.1:9"]


def shown(page, connection, **headers):
    return page.get(NEW, {"connection": connection.pk}, **headers)


def filled(connection, **more):
    return {
        "form_key": str(uuid.uuid4()),
        "connection": str(connection.pk),
        "mode": "background",
    } | more


def test_a_provider_that_knows_no_time_range_is_not_asked_for_one(page, user):
    text = shown(page, connection_to("supermetrics", owner=user)).content.decode()
    assert 'name="time_range"' not in text
    assert 'name="range_start"' not in text


def test_a_provider_that_knows_a_time_range_is_asked_for_one(page, user):
    text = shown(page, connection_to("saf", owner=user)).content.decode()
    assert 'name="time_range"' in text


def test_the_editor_says_what_is_written_in_it(page, user):
    text = shown(page, connection_to("polytomic", owner=user)).content.decode()
    assert 'data-language="sql"' in text
    assert ">Query<" in text


def test_a_mode_that_is_not_offered_is_explained(page, user):
    response = shown(page, connection_to("saf", owner=user))
    assert "runs queries in the background only" in response.content.decode()
    assert response.context["form"]["mode"].value() == "background"


def test_a_query_spelled_by_settings_is_stored_as_it_is_sent(page, user):
    connection = connection_to("supermetrics", owner=user)
    response = page.post(NEW, filled(connection, **REPORT))
    assert response.status_code == 302, response.context["form"].errors
    run = Run.objects.get()
    assert json.loads(run.statement)["fields"] == ["Campaignname", "Clicks"]
    assert run.settings["ds_id"] == "AW"
    assert (run.time_range, run.starts_at, run.ends_at) == ("none", None, None)


def test_a_run_spelled_by_settings_can_be_edited_as_a_new_one(page, user):
    connection = connection_to("supermetrics", owner=user)
    page.post(NEW, filled(connection, **REPORT))
    run = Run.objects.get()
    response = page.get(NEW, {"run": run.pk})
    form = response.context["form"]
    assert form["setting_ds_id"].value() == "AW"
    assert form["connection"].value() == connection.pk


def test_a_run_written_by_hand_shows_nothing_of_the_form_it_did_not_use(page, user):
    connection = connection_to("supermetrics", owner=user)
    query = '{"ds_id": "AW", "fields": "Clicks"}'
    page.post(
        NEW, filled(connection, **REPORT | {"setting_input": "json"}, statement=query)
    )
    text = page.get(reverse("run_detail", args=[Run.objects.get().pk])).content.decode()
    assert "<dt>Write the query as</dt><dd>JSON</dd>" in text
    assert "<dt>Dates</dt>" not in text
    assert "<dt>Compare with</dt>" not in text


def test_a_sample_written_by_hand_lacks_nothing_of_the_form(page, user):
    text = shown(page, connection_to("supermetrics", owner=user)).content.decode()
    assert "choose:" not in text


def test_a_statement_is_still_asked_for_where_it_is_needed(page, user):
    connection = connection_to("polytomic", owner=user)
    response = page.post(NEW, filled(connection, setting_connection_id="c-1"))
    assert response.status_code == 422
    assert "statement" in response.context["form"].errors


def test_another_connection_brings_the_form_of_its_provider(page, user):
    connection = connection_to("polytomic", owner=user)
    ask = {"connection": connection.pk, "shown": "coralogix"}
    response = page.get(NEW, ask, headers={"HX-Request": "true"})
    text = response.content.decode()
    assert 'id="run-new"' in text
    assert "<html" not in text
    assert 'name="setting_connection_id"' in text


def test_another_connection_of_the_same_provider_leaves_the_form_alone(page, user):
    connection = ConnectionFactory(owner=user)
    ask = {"connection": connection.pk, "shown": "coralogix"}
    response = page.get(NEW, ask, headers={"HX-Request": "true"})
    assert response.status_code == 204


def test_without_javascript_the_form_of_another_connection_is_a_link_away(page, user):
    first = ConnectionFactory(owner=user)
    other = connection_to("saf", owner=user)
    noscript = shown(page, first).content.decode().partition("<noscript>")[2]
    assert f"{NEW}?connection={other.pk}" in noscript.partition("</noscript>")[0]


def test_a_saved_query_spelled_by_settings_keeps_its_statement_and_no_range(page, user):
    data = {"name": "Clicks", "mode": "background", **REPORT}
    response = page.post(f"{reverse('saved_query_new')}?provider=supermetrics", data)
    assert response.status_code == 302, response.context["form"].errors
    query = SavedQuery.objects.get()
    assert json.loads(query.statement)["ds_id"] == "AW"
    assert query.settings["fields"] == "Campaignname, Clicks"
    assert query.time_range == "none"


def test_a_saved_query_form_asks_no_more_than_its_provider(page):
    text = page.get(f"{reverse('saved_query_new')}?provider=polytomic").content.decode()
    assert 'name="time_range"' not in text
    assert 'data-language="sql"' in text


def test_a_field_of_several_values_says_how_they_are_separated(page, user):
    form = shown(page, connection_to("supermetrics", owner=user)).context["form"]
    assert "comma" in form["setting_fields"].help_text.lower()


def test_a_sample_that_lacks_something_fills_the_form_instead_of_running(page, user):
    connection = connection_to("polytomic", owner=user)
    text = one_line(shown(page, connection).text)
    href = re.search(r'<a class="sample" href="([^"]+)"', text)[1]
    response = page.get(html.unescape(href))
    assert "information_schema" in response.context["form"]["statement"].value()
    assert response.context["form"]["connection"].value() == str(connection.pk)
    assert "choose: Connection in Polytomic" in text


WAREHOUSE = "248df4b7-aa70-47b8-a036-33ac447e668d"


def beginning_with(user, connection_id):
    connection = connection_to("polytomic", owner=user)
    connection.options["connection_id"] = connection_id
    connection.save()
    return connection


def test_a_run_begins_with_what_its_connection_names(page, user):
    connection = beginning_with(user, WAREHOUSE)
    response = shown(page, connection)
    form = response.context["form"]
    assert form["setting_connection_id"].value() == WAREHOUSE
    assert f'data-begin="{WAREHOUSE}"' in response.text
    assert "Fills the form" not in response.text
    posted = filled(connection, statement="SELECT 1", setting_connection_id="")
    assert page.post(NEW, posted).status_code == 422


def test_a_run_that_is_edited_keeps_its_own_setting(page, user):
    connection = beginning_with(user, WAREHOUSE)
    other = WAREHOUSE.replace("248d", "0000")
    sent = filled(connection, statement="SELECT 1", setting_connection_id=other)
    assert page.post(NEW, sent).status_code == 302
    form = page.get(NEW, {"run": Run.objects.get().pk}).context["form"]
    assert form["setting_connection_id"].value() == other


def test_an_id_that_is_none_is_a_problem_of_its_field_on_the_connection(page, user):
    connection = connection_to("polytomic", owner=user)
    url = reverse("connection_detail", args=[connection.pk])
    sent = {
        "name": "P",
        "option_endpoint": "http://127.0.0.1:9",
        "option_auth_kind": "bearer",
        "option_api_version": "2025-09-18",
        "option_connection_id": "warehouse",
    }
    response = page.post(url, sent)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["option_connection_id"]


@pytest.mark.parametrize(("slug", "status"), [("polytomic", 200), ("saf", 204)])
def test_another_connection_of_the_same_provider_brings_its_own_lists(
    page, user, slug, status
):
    connection = connection_to(slug, owner=user)
    response = page.get(
        NEW,
        {"connection": connection.pk, "shown": slug},
        headers={"HX-Request": "true"},
    )
    assert response.status_code == status
    if status == 200:
        lists = reverse("connection_catalog", args=[connection.pk, "connection"])
        assert lists in response.text
