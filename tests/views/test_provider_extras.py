"""What a run's page shows beside its rows: progress, expiry, timeline, fields, costs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from queries.models import Status
from queries.views.provider_extras import MAX_BARS, provider_extra
from tests.factories import RunFactory
from tests.markup import one_line

pytestmark = pytest.mark.django_db
TIMELINE = [
    {"at": "2026-11-22T10:00:00Z", "count": 5},
    {"at": 1795341600000, "count": 2},
]
SIDEBAR = {
    "fields": [
        {"name": "level", "count": 7, "values": [{"value": "ERROR", "count": 4}]},
        {"name": "empty", "values": []},
        "odd",
    ]
}


def text_of(page, user, status=Status.SUCCEEDED, **statistics):
    run = RunFactory(owner=user, status=status, statistics=statistics)
    return one_line(page.get(reverse("run_detail", args=[run.pk])).text)


def test_the_progress_of_a_run_is_shown_in_parts(page, user):
    text = text_of(page, user, Status.RUNNING, progress=[3, 12])
    assert 'value="3" max="12"' in text
    assert "of 12 parts done" in text


def test_the_providers_queue_is_shown_while_a_run_is_active(page, user):
    words = "2 running, 4 waiting in the provider"
    assert words in text_of(page, user, Status.RUNNING, queue=[4, 2])
    assert words not in text_of(page, user, Status.SUCCEEDED, queue=[4, 2])


def test_a_run_without_progress_only_moves(page, user):
    assert 'aria-label="Running"' in text_of(page, user, Status.RUNNING)


def test_the_page_says_how_long_the_provider_keeps_the_rows(page, user):
    text = text_of(page, user, provider_expires_at="2026-11-22T11:00:00+00:00")
    assert "The provider keeps it until" in text


def test_what_the_provider_last_said_of_the_job_is_shown_as_it_came(page, user):
    told = {"status": "done", "count": 5, "<b>": "<i>"}
    text = text_of(page, user, status_told=told)
    assert "Last provider response" in text
    assert "&lt;i&gt;" in text
    assert "Last provider response" not in text_of(page, user)


def test_timeline_sidebar_and_costs_are_shown(page, user):
    extras = {"timeline": TIMELINE, "sidebar": SIDEBAR, "execution_cost": {"took": 31}}
    text = text_of(page, user, extras=extras, extras_left_out=["plan"])
    assert text.count("<meter") == 2
    assert "ERROR" in text
    assert "took" in text
    assert "Too large to keep: plan" in text


def test_values_from_outside_are_escaped(page, user):
    evil = {"fields": {"<b>x": {"<script>alert(1)</script>": 3}}}
    text = text_of(page, user, extras={"sidebar": evil, "<i>": ["<u>"]})
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text
    assert "<u>" not in text


def test_counts_over_time_become_bars():
    one = provider_extra("timeline", TIMELINE)
    assert one.bars[0] == (datetime(2026, 11, 22, 10, tzinfo=UTC), 5)
    assert one.bars[1][0].year == 2026
    assert one.max_count == 5


@pytest.mark.parametrize("at", ["10 o'clock", "2026-13-45T99:00:00Z", "2026-11-22"])
def test_an_odd_moment_is_shown_as_it_is(at):
    assert provider_extra("timeline", [{"at": at, "count": 1}]).bars == [(at, 1)]


@pytest.mark.parametrize(
    "value", [None, 3, [], ["a"], {"a": 1}, {"fields": [{"name": "x", "values": [1]}]}]
)
def test_what_has_no_known_shape_is_a_tree(value):
    one = provider_extra("fields", value)
    assert (one.bars, one.groups, one.tree) == ([], [], value)


def test_a_long_timeline_says_what_it_does_not_show(page, user):
    buckets = [{"at": f"bucket {n}", "count": n} for n in range(MAX_BARS + 7)]
    text = text_of(page, user, extras={"timeline": buckets})
    assert text.count("<meter") == MAX_BARS
    assert f"The first {MAX_BARS}; 7 more are not shown." in text
    assert "not shown" not in text_of(page, user, extras={"timeline": buckets[:9]})


def test_what_came_beside_the_rows_needs_no_digging(page, user):
    text = text_of(page, user, extras={"timeline": TIMELINE})
    details = text.split("Statement and details")[1].split("Copy as cURL")[0]
    assert "Timeline" not in details
    assert "<summary>Timeline</summary>" in text
