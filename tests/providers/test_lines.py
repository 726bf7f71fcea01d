"""Cutting bytes into lines."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.providers.errors import LimitExceededError
from queries.providers.lines import LineSplitter

LINES = st.lists(
    st.text(
        st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]),
        max_size=40,
    ),
    max_size=20,
)


def lines_of(pieces: list[bytes], most: int = 1_000_000) -> list[bytes]:
    splitter = LineSplitter(most)
    found = [line for piece in pieces for line in splitter.feed(piece)]
    return [*found, splitter.flush()]


@given(
    LINES, st.sampled_from(["\n", "\r\n"]), st.lists(st.integers(0, 400), max_size=20)
)
def test_lines_are_the_same_however_the_bytes_are_cut(lines, end, cuts):
    data = end.join(lines).encode()
    places = sorted({0, len(data), *(place for place in cuts if place < len(data))})
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert lines_of(pieces) == [line.encode().strip() for line in lines or [""]]


def test_a_line_of_many_pieces_is_joined():
    assert lines_of([b"a"] * 1000 + [b"\nb"]) == [b"a" * 1000, b"b"]


def test_a_line_that_never_ends_is_stopped():
    with pytest.raises(LimitExceededError):
        lines_of([b"x" * 600, b"x" * 600], most=1000)


def test_the_limit_is_for_one_line_not_for_all():
    assert lines_of([b"x" * 900 + b"\n", b"y" * 900], most=1000) == [
        b"x" * 900,
        b"y" * 900,
    ]
