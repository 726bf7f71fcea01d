"""Show a JSON value as a tree of ``<details>``: without JavaScript, escaped, of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from queries.cell_values import escape_surrogates, json_text

MAX_NODES = 2_000
"""Nodes drawn in one tree; what is left out is counted in the tree."""
MAX_DEPTH = 40
OPEN_LEVELS = 2
"""Levels shown open at first."""
MAX_TEXT_CHARACTERS = 20_000
"""Characters of one text."""
_CUT = SafeString(" data-cut")


class VerbatimFloat(float):
    """A number with a fraction or an exponent that is shown as written: 1.10, or 1e400."""

    def __new__(cls, text: str) -> VerbatimFloat:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


@dataclass
class NodeBudget:
    """Number of nodes that may still be drawn."""

    remaining: int = MAX_NODES

    def take(self) -> bool:
        """Return whether one more node may be drawn, and count it."""
        self.remaining -= 1
        return self.remaining >= 0


def json_tree(value: Any) -> SafeString:
    """Return the tree of a parsed JSON value (dict, list, str, int, float, bool, None).

    Lone surrogates are shown as escapes.
    """
    tree = format_html(
        '<div class="json">{}</div>', node_html("", value, 0, NodeBudget())
    )
    return SafeString(escape_surrogates(tree))


def node_html(
    key: SafeString | str, value: Any, depth: int, budget: NodeBudget
) -> SafeString:
    """Return one value after its key; a branch when it contains others."""
    if not isinstance(value, dict | list) or not value or depth >= MAX_DEPTH:
        return format_html('<div class="leaf">{}{}</div>', key, leaf_html(value))
    noun = "key" if isinstance(value, dict) else "item"
    return format_html(
        '<div class="branch"><details{}><summary>{}<span class="count">{} {}{}</span></summary><div>{}</div></details></div>',
        SafeString(" open") if depth < OPEN_LEVELS else "",
        key,
        len(value),
        noun,
        "" if len(value) == 1 else "s",
        format_html_join("", "{}", children_html(value, depth, budget)),
    )


def children_html(
    value: dict[str, Any] | list[Any], depth: int, budget: NodeBudget
) -> Iterator[tuple[SafeString]]:
    """Return the nodes inside a branch within the budget, then a line that counts the rest."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    shown = 0
    for name, inner in islice(pairs, budget.remaining):
        if not budget.take():
            break
        shown += 1
        css = "key index" if isinstance(value, list) else "key"
        label = format_html('<span class="{}">{}</span>: ', css, name)
        yield (node_html(label, inner, depth + 1, budget),)
    if shown < len(value):
        yield (
            format_html(
                '<div class="leaf count">… {} more, see the export</div>',
                len(value) - shown,
            ),
        )


def leaf_html(value: Any) -> SafeString:
    """Return a value without children; below ``MAX_DEPTH`` also a branch, as JSON text."""
    if isinstance(value, str):
        cut = "…" if len(value) > MAX_TEXT_CHARACTERS else ""
        text = f'"{value[:MAX_TEXT_CHARACTERS]}{cut}"'
        return format_html('<span class="str"{}>{}</span>', _CUT if cut else "", text)
    text = value.text if isinstance(value, VerbatimFloat) else json_text(value)
    if value is None or isinstance(value, bool):
        return format_html('<span class="bool">{}</span>', text)
    cut = _CUT if len(text) > MAX_TEXT_CHARACTERS else ""
    return format_html(
        '<span class="number"{}>{}</span>', cut, text[:MAX_TEXT_CHARACTERS]
    )
