"""Values of a result on a page: grid cells and the JSON tree. Data is never markup."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.cell_values import cell_text, severity_key
from queries.templatetags.cells import cell_html, severity_html
from queries.templatetags.json_tree import MAX_NODES, json_tree

EVIL = '<script>alert("x")</script>'


@pytest.mark.parametrize(
    ("value", "kind", "html"),
    [
        (None, "text", '<td class="c-null">null</td>'),
        (None, "integer", '<td class="c-null c-num">null</td>'),
        ("null", "text", "<td>null</td>"),
        ("", "text", "<td></td>"),
        (2**63, "integer", '<td class="c-num">9223372036854775808</td>'),
        (1.5, "number", '<td class="c-num">1.5</td>'),
        (7, "", '<td class="c-num">7</td>'),
        (True, "boolean", '<td class="c-bool">true</td>'),
        (False, "", '<td class="c-bool">false</td>'),
        ("2026-11-22 11:42:07.123", "timestamp", '<td class="c-time">2026-11-22 11:42:07.123</td>'),
        ({"a": [1, "ü"]}, "json", '<td class="c-json">{&quot;a&quot;: [1, &quot;ü&quot;]}</td>'),
        ([], "", '<td class="c-json">[]</td>'),
        (EVIL, "text", "<td>&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;</td>"),
    ],
)  # fmt: skip
def test_a_cell_is_escaped_and_aligned_by_its_kind(value: Any, kind: str, html: str):
    assert cell_html(value, kind) == html


def test_a_long_cell_is_cut_and_says_so():
    assert cell_text("x" * 300) == "x" * 300
    assert cell_text("x" * 301) == "x" * 300 + "…"


def test_severity_is_a_coloured_word_by_kind_or_by_name():
    word = '<td><span class="severity" data-severity="error">Error</span></td>'
    assert cell_html(5, "severity", "level") == word
    assert cell_html("ERROR", "text", "$m.severity") == word
    assert cell_html(5, "integer", "$d.count") == '<td class="c-num">5</td>'


@pytest.mark.parametrize(
    ("value", "key"),
    [(1, "debug"), ("6", "critical"), ("Warn", "warning"), (" FATAL ", "critical"), ("info", "info"),
     (0, ""), (7, ""), (10, ""), ("12345", ""), ("²", ""), (None, ""), ("hot", ""), ({}, "")],
)  # fmt: skip
def test_severities_are_known_by_word_alias_or_number(value: Any, key: str):
    assert severity_key(value) == key


def test_a_severity_nobody_knows_is_shown_as_it_is():
    assert severity_html("<hot>") == "<hot>"  # escaped by the template, as any text
    assert cell_html("<hot>", "severity") == "<td>&lt;hot&gt;</td>"


class Text(HTMLParser):
    """The text and the tags of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags = "", set[str]()
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)


def test_a_tree_shows_keys_values_and_counts():
    text = Text(
        json_tree(
            {"a": {"b": [1, None, True]}, "c": 'x"<', "n": 9007199254740993, "e": {}}
        )
    ).text
    assert (
        text
        == '4 keysa: 1 keyb: 3 items0: 11: null2: truec: "x"<"n: 9007199254740993e: {}'
    )


def test_the_first_levels_of_a_tree_are_open():
    html = json_tree({"a": {"b": {"c": 1}}})
    assert html.count("<details open>") == 2
    assert html.count("<details>") == 1


def test_a_big_tree_is_bounded_and_counts_what_it_leaves_out():
    html = json_tree({"rows": list(range(MAX_NODES * 3))})
    assert html.count('<span class="key') == MAX_NODES
    assert f"… {MAX_NODES * 3 - MAX_NODES + 1} more" in html


def test_a_wide_tree_is_bounded_over_all_branches():
    html = json_tree([[0] * 900 for _ in range(900)])
    assert html.count('class="key"') <= MAX_NODES
    assert "more, see the export" in html


def test_a_deep_tree_ends_in_json_text():
    value: Any = "deep"
    for _ in range(200):
        value = [value]
    html = json_tree(value)
    assert html.count("<details") == 40
    assert "deep" in html


def test_a_value_nested_beyond_reason_is_shown_as_an_ellipsis():
    value: Any = []
    for _ in range(100_000):
        value = [value]
    assert cell_text(value) == "…"
    assert "…" in json_tree(value)


def test_what_is_cut_in_a_tree_is_marked_and_nothing_else():
    whole = json_tree({"a": "x" * 20_000, "b": 2**64, "c": [1]})
    assert "data-cut" not in whole
    deep: Any = "x" * 20_001
    for _ in range(41):
        deep = [deep]
    assert json_tree({"a": {"b": "x" * 20_001}}).count(" data-cut") == 1
    assert json_tree(deep).count(" data-cut") == 1


def test_a_long_text_of_a_tree_is_cut():
    assert json_tree("x" * 30000).count("x") == 20000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_data_becomes_markup(value: Any):
    allowed = {"div", "details", "summary", "span", "td"}
    assert Text(json_tree(value)).tags <= allowed
    assert Text(cell_html(value)).tags <= allowed
