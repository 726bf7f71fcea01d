"""A JSON value as a tree of ``<details>``: no script needed, every text escaped, size bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from queries.templatetags.cells import as_json, printable

MOST_NODES = 2_000
"""Nodes drawn in one tree; what is left out is counted in the tree."""
DEEPEST = 40
OPEN_LEVELS = 2
"""Levels shown open at first."""
LONGEST = 20_000
"""Characters of one text."""
_CUT = SafeString(" data-cut")


class Spelled(float):
    """A number with a fraction or an exponent that is shown as it was written: 1.10, or 1e400."""

    def __new__(cls, text: str) -> Spelled:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


@dataclass
class Budget:
    """How many more nodes may be drawn."""

    left: int = MOST_NODES

    def take(self) -> bool:
        """Whether one more node may be drawn; counts it."""
        self.left -= 1
        return self.left >= 0


def json_tree(value: Any) -> SafeString:
    """The tree of a parsed JSON value (dict, list, str, int, float, bool, None).

    Half a character, which no page can hold, is shown as its escape.
    """
    tree = format_html('<div class="json">{}</div>', node("", value, 0, Budget()))
    return SafeString(printable(tree))


def node(key: SafeString | str, value: Any, depth: int, budget: Budget) -> SafeString:
    """One value, after its key; a branch when it holds others."""
    if not isinstance(value, dict | list) or not value or depth >= DEEPEST:
        return format_html('<div class="leaf">{}{}</div>', key, leaf(value))
    noun = "key" if isinstance(value, dict) else "item"
    return format_html(
        '<div class="branch"><details{}><summary>{}<span class="count">{} {}{}</span></summary><div>{}</div></details></div>',
        SafeString(" open") if depth < OPEN_LEVELS else "",
        key,
        len(value),
        noun,
        "" if len(value) == 1 else "s",
        format_html_join("", "{}", children(value, depth, budget)),
    )


def children(
    value: dict[str, Any] | list[Any], depth: int, budget: Budget
) -> Iterator[tuple[SafeString]]:
    """The nodes inside a branch, as far as the budget goes, then a line that counts the rest."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    shown = 0
    for name, inner in islice(pairs, budget.left):
        if not budget.take():
            break
        shown += 1
        css = "key index" if isinstance(value, list) else "key"
        label = format_html('<span class="{}">{}</span>: ', css, name)
        yield (node(label, inner, depth + 1, budget),)
    if shown < len(value):
        yield (
            format_html(
                '<div class="leaf count">… {} more, see the export</div>',
                len(value) - shown,
            ),
        )


def leaf(value: Any) -> SafeString:
    """A value that holds no others; past ``DEEPEST`` also a branch, as JSON text."""
    if isinstance(value, str):
        cut = "…" if len(value) > LONGEST else ""
        text = f'"{value[:LONGEST]}{cut}"'
        return format_html('<span class="str"{}>{}</span>', _CUT if cut else "", text)
    text = value.text if isinstance(value, Spelled) else as_json(value)
    if value is None or isinstance(value, bool):
        return format_html('<span class="bool">{}</span>', text)
    cut = _CUT if len(text) > LONGEST else ""
    return format_html('<span class="number"{}>{}</span>', cut, text[:LONGEST])
