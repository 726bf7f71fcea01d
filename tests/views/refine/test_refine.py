"""The page on which a result is refined, and the pages of what comes of it."""

from __future__ import annotations

import re
import uuid

import pytest
from django.http import QueryDict
from django.urls import reverse

from queries.forms.grid_view import parse_grid_state
from queries.models import Mode, Run, SavedQuery, Status
from queries.runs.engine import executor
from queries.runs.services import wait_for
from queries.stored_results import read_page
from tests.factories import MembershipFactory, RunFactory, TeamFactory, UserFactory
from tests.stored_results import log_rows, stored_run

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 60
COUNT = "source logs | groupby $m.severity aggregate count() as n"


@pytest.fixture(autouse=True)
def no_refine_outlives_its_test():
    yield
    executor.refine_executor.stop()


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


FILTERS = [
    'f=["is","level","Error"]',
    'f=["is","level","Error","Info"]',
    'f=["empty","level"]',
    'f=["present","level"]',
    'f=["is","a b","it\'s"]',
    'f=["lacks","msg","message 1"]',
    'f=["contains","msg","message 1"]&f=["is","flag","true"]',
    'f=["between","n","2","5"]',
    'f=["between","n","","5.5"]',
    'f=["not","n","3"]',
    'f=["between","at","2026-06-19T00:00:02Z","2026-06-19T02:00:05%2B02:00"]',
    'f=["between","at","2026-06-19 00:00:02","2026-06-19"]',
    'f=["is","at","2026-06-19 00:00:02"]',
    'f=["is","at","2026-06-19 00:00:02","2026-06-19T00:00:05Z/2026-06-19T00:00:06.5Z"]',
    'f=["not","at","2026-06-19T00:00:02Z/2026-06-19T00:00:05Z"]',
    'f=["between","level","warning",""]',
    'f=["between","level","Debug","Warning"]',
    "q=message 1&in=msg",
]
# In DataPrime, rows without a value pass no comparison.
ONLY_IN_SQL = [
    'f=["not","level","Error"]',
    'f=["matches","msg","1$"]',
    "q=MESSAGE 1&in=msg",
]


@pytest.fixture
def plain(user):
    """Rows of a provider without documents: every column is data."""
    return stored_run(
        (
            {
                "at": f"2026-06-19T00:00:{n:02}Z",
                "level": (None, "Warning", "Error", "Info")[n % 4],
                "n": n,
                "a b": "it's" if n % 2 else 'a "b"',
                "msg": f"message {n}",
                "flag": n % 2 == 0,
            }
            for n in range(12)
        ),
        owner=user,
        provider="saf",
        hints={"level": "severity", "at": "timestamp"},
    )


@pytest.mark.parametrize(
    ("language", "view"),
    [
        *(("dataprime", view) for view in FILTERS),
        *(("sql", view) for view in [*FILTERS, *ONLY_IN_SQL]),
    ],
)
def test_what_it_begins_with_gives_the_rows_of_the_grid(page, plain, language, view):
    _, grid = read_page(plain, parse_grid_state(QueryDict(view)))
    asked = {"view": view, "language": language}
    form = page.get(reverse("run_refine", args=[plain.pk]), asked).context["form"]
    assert "filter" in form.initial["statement"] or "WHERE" in form.initial["statement"]
    assert not form.fields["statement"].help_text
    assert 0 < grid.matched < 12
    assert refined(page, plain, **form.initial).rows_received == grid.matched


@pytest.mark.parametrize(
    ("language", "view", "words"),
    [
        ("dataprime", "q=message", "the search for “message”"),
        ("sql", "q=message", "the search for “message”"),
        ("dataprime", 'f=["matches","msg","1$"]', "the filter on msg"),
        ("sql", 'f=["is","at","soon"]', "the filter on at"),
        ("sql", 'f=["is","n","1; DROP VIEW rows"]', "the filter on n"),
    ],
)
def test_what_it_cannot_say_of_the_grid_is_told(page, plain, language, view, words):
    asked = {"view": view, "language": language}
    response = page.get(reverse("run_refine", args=[plain.pk]), asked)
    statement = response.context["form"].initial["statement"]
    assert statement in {"source logs", "SELECT *\nFROM rows"}
    assert f"the statement leaves out {words}." in text_of(response)


def test_a_refine_shows_its_rows_its_origin_and_nothing_of_a_provider(page, origin):
    run = refined(page, origin)
    text = text_of(page.get(reverse("run_detail", args=[run.pk])))
    assert run.mode == Mode.REFINE
    assert "source logs | limit 12" in text
    assert reverse("run_detail", args=[origin.pk]) in text
    assert "Refine again" in text
    for absent in ("curl", "State at the provider", "Save query", "Same time window"):
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
    response = page.post(reverse("run_rerun", args=[run.pk]), {"when": "then"})
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
    response = page.post(reverse("run_rerun", args=[run.pk]), follow=True)
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
