"""The drill-down: whatever JSON a row holds, the tree on its page says the same, to the last digit."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queries.templatetags.json_tree import VerbatimFloat, json_tree
from tests.results.test_properties import NUMBERS, TEXTS

#: Halves of characters, which JSON may hold and no page can, are among them.
ANY_TEXT = TEXTS | st.text(st.characters(), max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | ANY_TEXT,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4)
    ),
    max_leaves=12,
)


class Markup(HTMLParser):
    """A page's elements as nested lists: [tag, class, child or text, ...]."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root: list = ["", ""]
        self._open = [self.root]
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        element = [tag, dict(attrs).get("class", "")]
        self._open[-1].append(element)
        self._open.append(element)

    def handle_endtag(self, _tag):
        self._open.pop()

    def handle_data(self, data):
        self._open[-1].append(data)


def inside(element, css):
    """The text of the child of that class; None if there is none."""
    found = [
        e for e in element[2:] if isinstance(e, list) and e[1].split()[:1] == [css]
    ]
    return "".join(found[0][2:]) if found else None


def read(element):
    """Key and value of one node of the tree."""
    if element[1] == "branch":
        element = element[2]  # what stands beside it copies the branch
    if element[0] == "details":
        summary, children = element[2:]
        pairs = [read(child) for child in children[2:]]
        is_list = "item" in inside(summary, "count")
        values = [value for _key, value in pairs]
        return inside(summary, "key"), values if is_list else dict(pairs)
    text = inside(element, "str")
    plain = inside(element, "number") or inside(element, "bool")
    value = json.loads(plain) if text is None else text[1:-1]
    return inside(element, "key"), value


def shown(text):
    """The value that the tree of this JSON shows."""
    page = json_tree(json.loads(text, parse_float=VerbatimFloat)).encode().decode()
    [[_div, _json, node]] = Markup(page).root[2:]
    return read(node)[1]


def sendable(value):
    """The value with each half of a character as its escape."""
    if isinstance(value, dict):
        return {sendable(key): sendable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [sendable(inner) for inner in value]
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    return value


@settings(deadline=None, max_examples=200)
@given(value=VALUES)
def test_a_tree_shows_the_value_it_was_made_of(value):
    text = json.dumps(value)
    assert repr(shown(text)) == repr(sendable(json.loads(text)))


@pytest.mark.parametrize(
    "number", ["1.10", "1e400", "-1E-400", "0.1000000000000000055", "-0.0", "5E3"]
)
def test_a_number_is_shown_as_it_was_written(number):
    page = json_tree(json.loads(f'{{"n":{number}}}', parse_float=VerbatimFloat))
    assert f'<span class="number">{number}</span>' in page
