"""The address bar carries the whole view, and nothing odd in it does any harm."""

from __future__ import annotations

import json

import pytest
from django.http import QueryDict
from django.utils.http import urlencode

from queries.forms.grid_view import grid_state_parameters, parse_grid_state
from queries.results import Column, Condition, Filter, Sort
from queries.stored_results import GridState

WHOLE = GridState(
    page=3,
    size=50,
    sorts=("-a", "b"),
    q="té xt",
    column="c",
    columns=("b", "a"),
    conditions=(
        Condition("$m.severity", "is", ("Error", "Critical")),
        Condition("n", "between", ("5", "")),
        Condition("x", "empty"),
    ),
)


def test_a_view_comes_back_from_the_address_it_makes():
    assert parse_grid_state(QueryDict(urlencode(grid_state_parameters(WHOLE)))) == WHOLE
    assert grid_state_parameters(GridState()) == []
    assert parse_grid_state(QueryDict("")) == GridState()


def test_a_view_comes_back_from_json():
    assert GridState.of_dict(json.loads(json.dumps(WHOLE.as_dict()))) == WHOLE
    assert GridState.of_dict({}) == GridState()
    assert GridState.of_dict({"q": "x", "unknown": 1}) == GridState(q="x")


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("fo=is&fc=a&fv=5", Condition("a", "is", ("5",))),
        ("fo=is&fc=a&fv=5&fv=6", Condition("a", "is", ("5", "6"))),
        ("fo=between&fc=a&fv=5&fw=9", Condition("a", "between", ("5", "9"))),
        ("fo=between&fc=a&fw=9", Condition("a", "between", ("", "9"))),
        ("fo=empty&fc=a&fv=", Condition("a", "empty")),
    ],
)
def test_the_form_of_a_new_condition_is_folded_in(query, condition):
    assert parse_grid_state(QueryDict(query)).conditions == (condition,)
    address = urlencode(grid_state_parameters(parse_grid_state(QueryDict(query))))
    assert parse_grid_state(QueryDict(f"{address}&{query}")).conditions == (condition,)


@pytest.mark.parametrize(
    "odd",
    [
        "f=",
        "f={}",
        "f=[]",
        'f=["is"]',
        'f=["is","a"]',
        'f=["is","a",5]',
        'f=["drop","a","b"]',
        'f=["between","a","",""]',
        "f=" + "[" * 10_000,
        "fo=is",
        "fo=contains&fc=a&fv=",
        "fo=&fc=a&fv=x",
    ],
)
def test_an_odd_condition_is_none(odd):
    assert parse_grid_state(QueryDict(odd)).conditions == ()


def test_sorts_that_exist_are_taken_once_the_first_counts_most():
    known = [Column(name, "text", "s") for name in ("a", "-a", "b")]
    view = GridState(sorts=("b", "-a", "--a", "gone", "-b", "a"))
    assert view.sort_order(known) == (Sort("b"), Sort("-a"), Sort("a"))


def test_columns_are_shown_as_chosen():
    known = [Column(name, "text", "s") for name in ("a", "b", "c")]
    assert GridState(columns=("c", "gone", "a", "c")).shown(known) == ["c", "a"]
    assert GridState().shown(known) == ["a", "b", "c"]
    assert GridState(q="x", column="gone").filter(known) == Filter("x", None)
