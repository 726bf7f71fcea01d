"""The tree of errors and the cleaning of foreign text."""

from __future__ import annotations

import inspect
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.providers import errors
from queries.providers.errors import (
    ProviderError,
    RateLimitError,
    TruncatedStreamError,
    UnavailableError,
    clean_text,
)

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, ProviderError) and kind.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_drawn_in_the_tree_and_has_a_heading(kind):
    assert f" {kind.__name__} " in errors.__doc__.replace("\n", " ")
    assert kind.title
    assert not kind.title.endswith(".")


def test_codes_are_unique():
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)


def test_trouble_of_the_network_may_be_tried_again_and_a_refusal_may_not():
    assert {kind.__name__ for kind in KINDS if kind.retryable} == {
        "UnavailableError",
        "UpstreamTimeoutError",
        "RateLimitError",
        "TruncatedStreamError",
    }


def test_facts_override_the_class_and_travel_as_plain_json():
    error = RateLimitError(
        "Slow down.", retry_after=7.5, http_status=429, request_id="r-1", remedy="Wait."
    )
    stored = json.loads(json.dumps(error.as_dict()))
    assert str(error) == "Slow down."
    assert stored["kind"] == "RateLimitError"
    assert stored["retry_after"] == 7.5
    assert stored["remedy"] == "Wait."
    assert stored["retryable"] is True
    assert RateLimitError.remedy != "Wait."


def test_a_class_of_its_own_is_still_its_parents_kind():
    assert isinstance(RateLimitError("x"), UnavailableError)
    assert isinstance(TruncatedStreamError("x"), errors.UnexpectedResponseError)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\x00b\x1b[31mc", "a b [31mc"),
        ("line\r\nbreak\ttab", "line break tab"),
        ("right\u202eto left", "right to left"),
        ("zero\u200bwidth", "zero width"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("keeps ünï© 中文 😀", "keeps ünï© 中文 😀"),
    ],
)
def test_foreign_text_loses_what_cannot_be_seen(text, clean):
    assert clean_text(text) == clean


def test_foreign_text_is_cut_with_a_sign():
    assert clean_text("x" * 50, limit=10) == "x" * 9 + "…"


@given(st.text(max_size=3000), st.integers(min_value=1, max_value=700))
def test_clean_text_is_short_and_stays_as_it_is_when_cleaned_again(text, limit):
    once = clean_text(text, limit=limit)
    assert len(once) <= limit
    assert clean_text(once, limit=limit) == once
    once.encode("utf-8")
