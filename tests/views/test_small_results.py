"""Answers of no row and of one: said as they are, with nothing offered that leads nowhere."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from queries.models import Mode
from tests.markup import one_line
from tests.stored_results import log_rows, stored_run


def shown(page, run) -> str:
    return one_line(page.get(reverse("run_results", args=[run.pk])).text)


def test_one_row_is_called_a_row(page, user):
    text = shown(page, stored_run(log_rows(1), owner=user))
    assert "1 rows" not in text
    assert text.count("1 row<") == 1
    assert "</b> row</span>" in text
    assert "of <b>1</b> row<" in text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mode": Mode.REFINE}, "no stored row passed it"),
        ({"starts_at": timezone.now()}, "matched nothing in its time range."),
        ({"starts_at": None}, "matched nothing."),
    ],
)
def test_no_rows_are_explained_by_what_was_asked(page, user, changes, why):
    run = stored_run([], owner=user, **changes)
    text = shown(page, run)
    assert why in text
    assert reverse("run_refine", args=[run.pk]) not in text
