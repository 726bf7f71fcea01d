"""Run pages: start, watch, find again, cancel, repeat, share, delete."""

from __future__ import annotations

import html
import json
import re
import uuid

import pytest
from django.urls import reverse

from queries.models import Role, Run, Status
from queries.providers.registry import provider_class
from queries.runs.engine import executor
from tests.factories import (
    ConnectionFactory,
    MembershipFactory,
    RunFactory,
    SavedQueryFactory,
    UserFactory,
)
from tests.markup import one_line
from tests.runs.engine import scripted_coralogix
from tests.scripted_server import Upstream
from tests.stored_results import log_rows, stored_run

NEW = "/runs/new/"


@pytest.fixture
def upstream():
    with Upstream() as one:
        yield scripted_coralogix.with_success_replies(one)
    executor.direct_executor.stop()


@pytest.fixture
def connection(user, upstream):
    return ConnectionFactory(owner=user, origin=upstream.origin)


@pytest.fixture
def filled(connection):
    """Everything the new-run form sends."""
    return {
        "form_key": str(uuid.uuid4()),
        "connection": str(connection.pk),
        "statement": "source logs",
        "mode": "background",
        "time_range": "last-1h",
        "setting_syntax": "QUERY_SYNTAX_DATAPRIME",
        "setting_tier": "TIER_FREQUENT_SEARCH",
    }


def test_the_product_opens_on_the_new_run_page(page):
    assert page.get("/").headers["Location"] == NEW


def test_somebody_without_a_connection_is_shown_where_to_add_one(page):
    assert "/connections/new/" in page.get(NEW).text


def test_a_valid_form_makes_a_run_and_leads_to_its_page(page, filled):
    response = page.post(NEW, filled)
    run = Run.objects.get()
    assert response.headers["Location"] == reverse("run_detail", args=[run.pk])
    assert (run.mode, run.settings["syntax"]) == (
        "background",
        "QUERY_SYNTAX_DATAPRIME",
    )
    assert "tier" not in run.settings


def test_a_second_click_on_run_makes_no_second_run(page, filled):
    first, second = page.post(NEW, filled), page.post(NEW, filled)
    assert first.headers["Location"] == second.headers["Location"]
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"statement": ""}, "Write a statement to run."),
        ({"time_range": "absolute"}, "Enter a start time."),
        (
            {
                "time_range": "absolute",
                "range_start": "2026-01-02T00:00:00",
                "range_end": "2026-01-01T00:00:00",
            },
            "start",
        ),
        ({"mode": "direct", "setting_limit": "99999999"}, "50,000"),
        ({"mode": "later"}, "not one of the available choices"),
        ({"connection": str(uuid.uuid4())}, "not one of the available choices"),
        ({"connection": "'; --"}, "valid"),
    ],
)
def test_bad_input_is_told_at_its_field_and_makes_no_run(page, filled, changes, words):
    response = page.post(NEW, filled | changes)
    assert response.status_code == 422
    assert words in response.text
    assert Run.objects.count() == 0


def test_what_was_typed_is_still_there_after_an_error(page, filled):
    response = page.post(
        NEW, filled | {"statement": "source <logs>", "time_range": "absolute"}
    )
    assert "source &lt;logs&gt;" in response.text


def test_a_link_fills_the_form_and_runs_nothing(page, connection):
    text = page.get(NEW, {"statement": "source spans", "time_range": "last-7d"}).text
    assert "source spans" in text
    assert Run.objects.count() == 0


def test_a_connection_of_somebody_else_cannot_be_used(page, filled):
    other = ConnectionFactory()
    assert page.post(NEW, filled | {"connection": str(other.pk)}).status_code == 422


@pytest.mark.django_db(transaction=True)
def test_a_quick_direct_answer_is_complete_when_its_page_first_shows(page, filled):
    response = page.post(NEW, filled | {"mode": "direct"}, follow=True)
    assert "Succeeded" in response.text
    assert "Complete" in response.text
    assert 'hx-trigger="every' not in response.text


def test_a_run_can_be_edited_as_new(page, user, connection):
    run = RunFactory(owner=user, connection=connection, statement="source x | limit 3")
    text = page.get(NEW, {"run": str(run.pk)}).text
    assert "source x | limit 3" in text
    assert page.get(NEW, {"run": str(RunFactory().pk)}).status_code == 404
    assert page.get(NEW, {"run": "x"}).status_code == 404


def test_a_saved_query_fills_the_form(page, user, connection):
    saved = SavedQueryFactory(owner=user, statement="source y")
    text = page.get(NEW, {"saved": str(saved.pk)}).text
    assert "source y" in text
    assert str(saved.pk) in text


def test_every_sample_runs_with_one_click(page, connection):
    forms = re.findall(
        r'<form method="post" action="/runs/new/">(.*?)</form>',
        page.get(NEW).text,
        re.S,
    )
    assert len(forms) == len(provider_class("coralogix").samples)
    for form in forms:
        found = re.findall(r'name="(\w+)" value="([^"]*)"', form)
        values = {name: html.unescape(value) for name, value in found}
        response = page.post(NEW, values | {"mode": "background"})
        assert response.status_code == 302


def test_an_active_run_polls_and_an_ended_one_does_not(page, user):
    run = RunFactory(
        owner=user, status=Status.RUNNING, native_status="waiting for a seat"
    )
    text = page.get(reverse("run_status", args=[run.pk])).text
    assert 'hx-trigger="every 1s, refresh"' in text
    assert "waiting for a seat" in text
    run.status = Status.SUCCEEDED
    run.save()
    response = page.get(reverse("run_status", args=[run.pk]))
    assert "every" not in response.text
    assert "rows-arrived" in response.headers["HX-Trigger-After-Settle"]


def test_the_page_asks_for_rows_only_when_there_are_more(page, user):
    run = RunFactory(owner=user, status=Status.FETCHING, rows_received=7)
    same = page.get(reverse("run_status", args=[run.pk], query={"rows": 7}))
    more = page.get(reverse("run_status", args=[run.pk], query={"rows": 5}))
    assert "HX-Trigger-After-Settle" not in same.headers
    assert json.loads(more.headers["HX-Trigger-After-Settle"]) == {"rows-arrived": {}}


def test_the_page_tells_all_that_is_known_about_a_run(page, user):
    run = stored_run(
        log_rows(3),
        owner=user,
        native_status="COMPLETED",
        query_id="q-123",
        statistics={"bytes_scanned": 506070},
        warnings=[
            {"code": "x", "message": "Only 3 rows", "remedy": "Ask in the background"}
        ],
        notes=["Submitted twice"],
        settings={"tier": "TIER_ARCHIVE"},
    )
    text = page.get(reverse("run_detail", args=[run.pk])).text
    for words in (
        "COMPLETED",
        "q-123",
        "494.2",
        "Only 3 rows",
        "Ask in the background",
        "Submitted twice",
        "All Logs (archive)",
        "curl",
        run.connection_name,
    ):
        assert words in text


def test_a_failure_shows_words_code_and_request_id(page, user):
    error = {
        "title": "The key was refused",
        "message": "Coralogix did not accept the key.",
        "remedy": "Enter a valid key.",
        "provider_code": "unauthenticated",
        "request_id": "req-9",
    }
    run = RunFactory(owner=user, status=Status.FAILED, error=error)
    text = page.get(reverse("run_detail", args=[run.pk])).text
    assert all(words in text for words in error.values())


def test_a_cut_result_says_what_cut_it(page, user):
    run = stored_run(log_rows(3), owner=user)
    run.result.complete = False
    run.result.cuts = [
        {"code": "c", "message": "2,000 rows at most", "remedy": "Set a limit"}
    ]
    run.result.save()
    text = page.get(reverse("run_detail", args=[run.pk])).text
    assert "Truncated" in text
    assert "2,000 rows at most" in text
    assert "Set a limit" in text


def test_a_waiting_run_says_for_what(page, user, time_machine_now):
    run = RunFactory(
        owner=user,
        status=Status.RUNNING,
        waiting_until=time_machine_now,
        waiting_for="30 requests a minute for this key",
    )
    assert "30 requests a minute" in page.get(reverse("run_detail", args=[run.pk])).text


@pytest.fixture
def time_machine_now():
    from datetime import timedelta

    from django.utils import timezone

    return timezone.now() + timedelta(minutes=1)


def test_cancel_is_a_post_and_reaches_the_run(page, user):
    run = RunFactory(owner=user, mode="background")
    assert page.get(reverse("run_cancel", args=[run.pk])).status_code == 405
    page.post(reverse("run_cancel", args=[run.pk]))
    run.refresh_from_db()
    assert run.cancel_asked_at is not None


def test_cancel_all_spares_the_runs_of_others(page, user):
    mine = RunFactory.create_batch(2, owner=user, mode="background")
    other = RunFactory(mode="background")
    response = page.post(reverse("run_cancel_all"), follow=True)
    assert "Cancelling 2 runs." in response.text
    other.refresh_from_db()
    assert other.cancel_asked_at is None
    assert all(Run.objects.get(pk=run.pk).cancel_asked_at for run in mine)


def test_rerun_of_the_same_window_keeps_the_absolute_range(page, user, connection):
    run = stored_run([], owner=user, connection=connection, mode="background")
    page.post(reverse("run_rerun", args=[run.pk]), {"when": "then"})
    again = Run.objects.exclude(pk=run.pk).get()
    assert (again.starts_at, again.ends_at) == (run.starts_at, run.ends_at)


def test_rerun_now_moves_the_range(page, user, connection):
    run = stored_run([], owner=user, connection=connection, mode="background")
    page.post(reverse("run_rerun", args=[run.pk]), {"when": "now"})
    again = Run.objects.exclude(pk=run.pk).get()
    assert again.ends_at > run.ends_at
    assert again.time_range == run.time_range


def test_a_run_whose_connection_is_gone_is_edited_instead(page, user):
    run = stored_run([], owner=user)
    run.connection.delete()
    response = page.post(reverse("run_rerun", args=[run.pk]), {"when": "now"})
    assert response.headers["Location"] == f"{NEW}?run={run.pk}"


def test_sharing_lets_the_team_see_it_and_unsharing_ends_that(page, client, user):
    mine, theirs = MembershipFactory(user=user), None
    theirs = MembershipFactory(team=mine.team, role=Role.VIEWER)
    run = stored_run(log_rows(2), owner=user)
    page.post(reverse("run_share", args=[run.pk]), {"team": str(mine.team_id)})
    client.force_login(theirs.user)
    assert client.get(reverse("run_results", args=[run.pk])).status_code == 200
    assert client.post(reverse("run_delete", args=[run.pk])).status_code == 403
    client.force_login(user)
    client.post(reverse("run_share", args=[run.pk]), {"team": ""})
    client.force_login(theirs.user)
    assert client.get(reverse("run_results", args=[run.pk])).status_code == 404


def test_sharing_with_a_team_one_is_not_in_shares_nothing(page, user):
    run, stranger = stored_run([], owner=user), MembershipFactory()
    page.post(reverse("run_share", args=[run.pk]), {"team": str(stranger.team_id)})
    run.refresh_from_db()
    assert run.team is None


@pytest.mark.django_db(transaction=True)
def test_deleting_a_run_removes_its_rows_and_files(page, user, data_dir):
    run = stored_run(log_rows(5), owner=user)
    assert list(data_dir.rglob("*.parquet"))
    page.post(reverse("run_delete", args=[run.pk]))
    assert not Run.objects.exists()
    assert not list(data_dir.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"a", "b", "c", "shared"}),
        ({"status": "active"}, {"a"}),
        ({"status": "failed"}, {"b", "shared"}),
        ({"mode": "background"}, {"b"}),
        ({"owner": "me"}, {"a", "b", "c"}),
        ({"owner": "team"}, {"shared"}),
        ({"q": "NEEDLE"}, {"c"}),
        ({"provider": "coralogix"}, {"a", "b", "c", "shared"}),
        ({"since": "2999-01-01"}, set()),
        ({"until": "2999-01-01"}, {"a", "b", "c", "shared"}),
        (
            {"since": "nonsense", "status": "nonsense", "connection": "x"},
            {"a", "b", "c", "shared"},
        ),
    ],
)
def test_the_list_filters(page, user, query, expected):
    membership = MembershipFactory(user=user)
    RunFactory(owner=user, statement="run a", status=Status.RUNNING)
    RunFactory(owner=user, statement="run b", status=Status.FAILED, mode="background")
    RunFactory(owner=user, statement="run c needle", status=Status.SUCCEEDED)
    colleague = MembershipFactory(team=membership.team).user
    RunFactory(
        owner=colleague,
        statement="run shared",
        team=membership.team,
        status=Status.FAILED,
    )
    RunFactory(statement="run of a stranger")
    text = one_line(page.get(reverse("run_list", query=query)).text)
    shown = {name for name in ("a", "b", "c", "shared") if f">run {name}" in text}
    assert shown == expected
    assert "stranger" not in text


def test_the_list_has_pages_and_polls_only_while_something_is_active(page, user):
    RunFactory.create_batch(30, owner=user, status=Status.SUCCEEDED)
    assert "1\N{EN DASH}25" in page.get("/runs/").text
    assert "every 3s" not in page.get("/runs/").text
    RunFactory(owner=user, status=Status.RUNNING)
    assert "every 3s" in page.get("/runs/").text
    assert "<html" not in page.get("/runs/", headers={"HX-Request": "true"}).text


def test_an_empty_list_says_what_to_do(page):
    assert "No runs yet" in page.get("/runs/").text
    assert "No run matches" in page.get("/runs/", {"q": "x"}).text


def test_other_people_are_named_in_the_list(page, user):
    membership = MembershipFactory(user=user)
    other = UserFactory(name="Grace")
    MembershipFactory(team=membership.team, user=other)
    RunFactory(owner=other, team=membership.team)
    assert "Grace" in page.get("/runs/").text


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_days_at_the_ends_of_the_calendar_are_no_crash(page, user, filled, day):
    user.time_zone = "Asia/Tokyo"
    user.save()
    assert page.get("/runs/", {"since": day}).status_code == 200
    assert page.get("/runs/", {"until": day}).status_code == 200
    absolute = {
        "time_range": "absolute",
        "range_start": f"{day}T00:00:00",
        "range_end": f"{day}T01:00:00",
    }
    assert page.post(NEW, filled | absolute).status_code == 422


def test_a_run_that_cannot_be_repeated_leads_to_the_form(page, user, connection):
    run = RunFactory(owner=user, connection=connection, settings={"limit": 10**9})
    response = page.post(reverse("run_rerun", args=[run.pk]), {"when": "then"})
    assert response.headers["Location"] == f"{NEW}?run={run.pk}"


def test_a_run_that_waits_for_a_place_says_so(page, user):
    run = RunFactory(owner=user, waiting_for="a place: 8 direct queries run at once")
    text = page.get(reverse("run_detail", args=[run.pk])).text
    assert "a place: 8 direct queries" in text
    assert "Waiting until" not in text


def test_an_absolute_range_is_not_offered_at_now(page, user):
    moving = RunFactory(owner=user, status=Status.FAILED)
    fixed = RunFactory(owner=user, status=Status.FAILED, time_range="absolute")
    offer = 'name="when" value="now"'
    assert offer in page.get(reverse("run_detail", args=[moving.pk])).text
    assert offer not in page.get(reverse("run_detail", args=[fixed.pk])).text


def test_rows_can_be_deleted_and_the_run_says_so(page, user, data_dir):
    run = stored_run(log_rows(5), owner=user)
    page.post(reverse("run_delete_rows", args=[run.pk]))
    assert not list(data_dir.rglob("*.parquet"))
    text = page.get(reverse("run_detail", args=[run.pk])).text
    assert "This result was deleted" in text
    assert "Delete rows, keep the run" not in text


def test_rows_of_an_active_run_are_not_deleted(page, user):
    run = stored_run(log_rows(5), owner=user)
    Run.objects.update(status=Status.FETCHING)
    page.post(reverse("run_delete_rows", args=[run.pk]))
    run.refresh_from_db()
    assert run.result_removed_at is None
