"""The page on which a result is refined, and the pages of what comes of it."""

from __future__ import annotations

import re
import uuid

import pytest
from django.urls import reverse

from queries.engine import direct
from queries.models import Mode, Run, SavedQuery, Status
from queries.runs import wait_for
from tests.factories import MembershipFactory, RunFactory, TeamFactory, UserFactory
from tests.stored import log_rows, stored_run

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 60
COUNT = "source logs | groupby $m.severity aggregate count() as n"


@pytest.fixture(autouse=True)
def no_refine_outlives_its_test():
    yield
    direct.refines.stop()


@pytest.fixture
def origin(user):
    return stored_run(log_rows(12), owner=user, statement="source logs | limit 12")


def text_of(response):
    return response.content.decode()


def sent(page, origin, statement=COUNT, language="dataprime", **more):
    form = {
        "statement": statement,
        "language": language,
        "form_key": uuid.uuid4(),
        **more,
    }
    return page.post(reverse("run_refine", args=[origin.pk]), form)


def refined(page, origin, **form):
    response = sent(page, origin, **form)
    assert response.status_code == 302
    run = Run.objects.get(pk=response["Location"].rstrip("/").rsplit("/", 1)[1])
    return wait_for(run, LONG)


def test_the_page_offers_the_columns_in_both_languages_and_statements_that_fit(
    page, origin
):
    text = text_of(page.get(reverse("run_refine", args=[origin.pk])))
    assert 'data-copy-text="$m.severity"' in text
    assert 'data-copy-text="&quot;$m.severity&quot;"' in text
    assert "Count by $m.severity" in text
    assert "Rows per minute of $m.timestamp" in text
    assert "Lowest, mean and highest $d.n" in text
    assert "SUMMARIZE rows" in text


def test_each_statement_to_begin_with_can_be_carried_out(page, origin):
    text = text_of(page.get(reverse("run_refine", args=[origin.pk])))
    links = re.findall(r'href="([^"]*\?language=[^"]*)"', text)
    assert len(links) == 7
    for link in links:
        form = page.get(link.replace("&amp;", "&")).context["form"]
        run = refined(page, origin, **form.initial)
        assert (form.initial["statement"], run.error) == (
            form.initial["statement"],
            None,
        )


def test_the_statement_begins_with_what_the_grid_filters(page, origin):
    view = 'f=["is","$m.severity","Error"]&page=2'
    address = reverse("run_refine", args=[origin.pk])
    filled = page.get(address, {"view": view}).context["form"].initial
    assert filled["statement"] == "source logs\n| filter $m.severity == ERROR"
    assert refined(page, origin, **filled).rows_received == 4


def test_a_refine_shows_its_rows_its_origin_and_nothing_of_a_provider(page, origin):
    run = refined(page, origin)
    text = text_of(page.get(reverse("run_detail", args=[run.pk])))
    assert run.mode == Mode.REFINE
    assert "source logs | limit 12" in text
    assert reverse("run_detail", args=[origin.pk]) in text
    assert "Refine again" in text
    for absent in ("curl", "State at the provider", "Save query", "As it was"):
        assert absent not in text


def test_a_refine_can_be_refined_exported_and_found_in_the_list(page, origin):
    run = refined(page, origin)
    again = refined(page, run, statement="source rows | filter $d.n > 0 | count")
    assert again.error is None
    assert again.origin == run
    listed = text_of(page.get(reverse("run_list"), {"mode": "refine"}))
    assert reverse("run_detail", args=[run.pk]) in listed
    assert reverse("run_detail", args=[origin.pk]) not in listed


def test_a_wrong_statement_is_marked_in_the_editor_and_nothing_is_started(page, origin):
    response = sent(page, origin, statement="source logs\n| filtr $m.severity == INFO")
    assert response.status_code == 422
    text = text_of(response)
    assert 'data-error-line="2"' in text
    assert "filtr" in text
    assert Run.objects.count() == 1


def test_wrong_sql_is_marked_in_the_editor_when_it_is_edited(page, origin):
    run = refined(page, origin, language="sql", statement="SELECT 1,\n  nope FROM rows")
    assert run.status == Status.FAILED
    text = text_of(page.get(reverse("run_refine", args=[origin.pk]), {"run": run.pk}))
    assert 'data-error-line="2"' in text
    assert 'data-error-column="3"' in text


def test_the_same_form_sent_twice_is_one_run(page, origin):
    key = uuid.uuid4()
    one, two = (refined(page, origin, form_key=key) for _ in range(2))
    assert one == two


def test_running_it_again_refines_again(page, origin):
    run = refined(page, origin)
    response = page.post(reverse("run_again", args=[run.pk]), {"when": "then"})
    again = wait_for(Run.objects.exclude(pk__in=[origin.pk, run.pk]).get(), LONG)
    assert response["Location"] == reverse("run_detail", args=[again.pk])
    assert (again.mode, again.origin) == (Mode.REFINE, origin)
    assert again.statement == run.statement


def test_editing_it_as_a_new_run_leads_to_the_page_of_its_origin(page, origin):
    run = refined(page, origin)
    response = page.get(reverse("run_new"), {"run": run.pk})
    expected = f"{reverse('run_refine', args=[origin.pk])}?run={run.pk}"
    assert response["Location"] == expected
    assert page.get(expected).context["form"].initial["statement"] == COUNT


def test_a_refine_is_no_query_to_save(page, origin):
    run = refined(page, origin)
    response = page.get(reverse("saved_query_new"), {"run": run.pk})
    assert response.status_code == 404
    assert not SavedQuery.objects.exists()


def test_a_run_that_has_not_ended_says_so_instead_of_a_form(page, user):
    active = RunFactory(owner=user, status=Status.RUNNING)
    address = reverse("run_refine", args=[active.pk])
    assert "has not ended yet" in text_of(page.get(address))
    assert page.post(address, {"statement": COUNT}).status_code == 409


def test_a_refine_whose_origin_was_deleted_stays_and_says_so(page, origin):
    run = refined(page, origin)
    page.post(reverse("run_delete", args=[origin.pk]))
    text = text_of(page.get(reverse("run_detail", args=[run.pk])))
    assert "a run that was deleted" in text
    assert "Refine again" not in text
    response = page.post(reverse("run_again", args=[run.pk]), follow=True)
    assert "was deleted" in text_of(response)


def test_a_viewer_refines_what_is_shared_and_owns_what_comes_of_it(client, origin):
    viewer, team = UserFactory(), TeamFactory()
    for member in (viewer, origin.owner):
        MembershipFactory(team=team, user=member)
    Run.objects.filter(pk=origin.pk).update(team=team)
    client.force_login(viewer)
    run = refined(client, origin)
    assert run.owner == viewer
    assert run.team is None
    assert run.connection is None
    client.force_login(origin.owner)
    assert client.get(reverse("run_detail", args=[run.pk])).status_code == 404


def test_somebody_else_may_not_see_what_a_shared_refine_was_made_from(client, origin):
    viewer, team = UserFactory(), TeamFactory()
    for member in (viewer, origin.owner):
        MembershipFactory(team=team, user=member)
    client.force_login(origin.owner)
    run = refined(client, origin)
    Run.objects.filter(pk=run.pk).update(team=team)
    client.force_login(viewer)
    text = text_of(client.get(reverse("run_detail", args=[run.pk])))
    assert "a run that is not shared with you" in text
    assert str(origin.pk) not in text
