"""Template tags and filters of every page: icons, numbers, times, navigation, grid cells.

Data is only ever escaped (``format_html``); the one text trusted as markup is our own vendored SVG.
A builtin of the template engine (settings), so pages need no ``{% load %}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django import template
from django.template.defaultfilters import date as format_date
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from queries import cell_values
from queries.charts import svg
from queries.templatetags import cells, json_tree

register = template.Library()

ICONS = (
    Path(__file__).parents[2] / "static" / "vendor" / "lucide-static@1.62.0" / "icons"
)
EMPTY_VALUE = "\N{EN DASH}"
MAX_SECONDS_WITH_TENTHS = 10
"""Seconds below which tenths are worth showing."""
JUST_NOW_SECONDS = 45
"""Seconds that count as "just now"."""
RELATIVE_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
ICON_SIZES = {"": "icon", "sm": "icon icon--sm", "lg": "icon icon--lg"}

register.filter("cell_text", cell_values.cell_text)
register.simple_tag(cells.row_cells_html, name="row_cells")
register.simple_tag(cells.severity_html, name="severity")
register.filter("severity_key", cell_values.severity_key)
register.simple_tag(json_tree.json_tree, name="json_tree")
register.simple_tag(svg.render_chart, name="chart")


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, size: str = "") -> SafeString:
    """Return a vendored lucide icon as inline SVG, hidden from screen readers.

    ``size`` is "", "sm" or "lg". An unknown name raises ``LookupError``: a typing mistake in a template.
    """
    path = ICONS / f"{name}.svg"
    if not re.fullmatch(r"[a-z0-9-]+", name) or not path.is_file():
        raise LookupError(f"No icon named {name!r} in {ICONS}")
    drawing = re.sub(r"(?s)^.*?<svg.*?>|</svg>\s*$", "", path.read_text("utf-8"))
    return format_html(
        '<svg class="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
        'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{}</svg>',
        ICON_SIZES[size],
        SafeString(re.sub(r"\s*\n\s*", "", drawing)),
    )


@register.filter
def number(value: object) -> str:
    """Format an integer with thousands grouped (``100,000``); None is empty, other values are unchanged."""
    if isinstance(value, bool) or not isinstance(value, int):
        return "" if value is None else str(value)
    return f"{value:,}"


@register.filter
def duration(value: timedelta | float | None) -> str:
    """Format seconds (or a timedelta), two units at most: ``0.4 s``, ``12 s``, ``3 min 12 s``, ``2 h 5 min``."""
    if value is None:
        return ""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < MAX_SECONDS_WITH_TENTHS:
        return f"{max(seconds, 0):.1f} s"
    whole = int(seconds)
    for size, unit, below, part in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{whole} s"


@register.simple_tag
def ago(moment: datetime | None, empty: str = EMPTY_VALUE) -> SafeString | str:
    """Show a past time as relative text, updated by app/clock.js, with the exact time as tooltip."""
    if moment is None:
        return empty
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        moment.isoformat(),
        format_full_time(moment),
        relative_time(timezone.now() - moment),
    )


def relative_time(age: timedelta) -> str:
    """Return ``just now``, ``5 min ago``, ``in 3 h``: one unit, the same words as in app/clock.js."""
    seconds = abs(age.total_seconds())
    if seconds < JUST_NOW_SECONDS:
        return "just now"
    size, unit = next(
        (pair for pair in RELATIVE_UNITS if seconds >= pair[0]), RELATIVE_UNITS[-1]
    )
    amount = f"{max(round(seconds / size), 1)} {unit}"
    return f"in {amount}" if age.total_seconds() < 0 else f"{amount} ago"


@register.simple_tag
def full_time(moment: datetime | None, empty: str = EMPTY_VALUE) -> SafeString | str:
    """Show a time in the user's zone, to the second, with the zone."""
    if moment is None:
        return empty
    return format_html(
        '<time datetime="{}">{}</time>', moment.isoformat(), format_full_time(moment)
    )


def format_full_time(moment: datetime) -> str:
    """Return ``22 Nov 2026, 11:42:07 CET`` in the active zone."""
    return format_date(timezone.localtime(moment), "j M Y, H:i:s T")


@register.simple_tag
def elapsed(start: datetime | None, end: datetime | None = None) -> SafeString | str:
    """Show the time taken so far or in all; without an end, app/clock.js updates it every second."""
    if start is None:
        return EMPTY_VALUE
    if end is not None:
        return duration(end - start)
    return format_html(
        '<span class="num" data-elapsed-since="{}">{}</span>',
        start.isoformat(),
        duration(timezone.now() - start),
    )


@register.simple_tag(takes_context=True)
def nav_current(
    context: Mapping[str, Any], prefix: str, except_name: str = ""
) -> SafeString:
    """Return ``aria-current="page"`` when the page's URL name starts with ``prefix`` and is not ``except_name``."""
    match = getattr(context.get("request"), "resolver_match", None)
    name = getattr(match, "url_name", None) or ""
    here = name.startswith(prefix) and name != except_name
    return SafeString(' aria-current="page"' if here else "")


@register.simple_tag(takes_context=True)
def hidden_query(context: Mapping[str, Any], *without: str) -> SafeString:
    """Return the current query string as hidden inputs, without the names a form sets itself."""
    query = context["request"].GET
    return format_html_join(
        "\n",
        '<input type="hidden" name="{}" value="{}">',
        (
            (name, value)
            for name, values in query.lists()
            if name not in without
            for value in values
        ),
    )


@register.simple_tag
def querystring_of(**values: str | int) -> str:
    """Return names and values as a query string, for a URL that is not the page's own."""
    return urlencode(values)


@register.simple_block_tag
def alert(content: str, **values: Any) -> SafeString:
    """An alert whose message is the block; the other values as in ``components/_alert.html``."""
    return render_to_string("components/_alert.html", values | {"message": content})


@register.simple_block_tag
def empty_state(content: str, **values: Any) -> SafeString:
    """An empty state whose message is the block; the other values as in ``components/_empty.html``."""
    return render_to_string("components/_empty.html", values | {"message": content})


@register.simple_block_tag
def one_line(content: str) -> SafeString:
    """Return the block without its line breaks, for long attributes. It is rendered, so escaped, already."""
    return SafeString(" ".join(content.split()))


@register.inclusion_tag("components/_pager_link.html", takes_context=True)
def pager_link(
    context: Mapping[str, Any], page: int, picture: str, label: str
) -> dict[str, Any]:
    """Show one arrow of a pager, disabled without a target."""
    number, pages = context["number"], context["pages"]
    query = context["request"].GET.copy()
    query["page"] = str(page)
    return {
        "href": f"?{query.urlencode()}",
        "picture": picture,
        "label": label,
        "target": context.get("target", ""),
        "disabled": page == number or not 1 <= page <= pages,
    }


def _escaped(text: str) -> SafeString:
    return SafeString(escape(text))


@register.inclusion_tag("components/_sort_header.html", takes_context=True)
def sort_header(
    context: Mapping[str, Any], column: str, label: str = "", kind: str = ""
) -> dict[str, Any]:
    """A column head that sorts: ``?sort=column``, then ``-column``, then no sort again.

    Shift adds it to the sorts there are (explore/grid.js; the panel of the column does so by links). Reads
    ``sorts`` (the state now, the first counts most), and if they are there ``target`` (of htmx), ``about``
    (address of that panel) and ``widths`` from the context.
    """
    sorts = list(context.get("sorts") or ())
    now = next((one for one in sorts if one in {column, f"-{column}"}), "")
    direction = {column: "ascending", f"-{column}": "descending"}.get(now, "")
    following = {"": [column], "ascending": [f"-{column}"]}.get(direction, [])
    left = context["request"].GET.lists()
    query = [(k, v) for k, vs in left if k not in {"page", "sort"} for v in vs]
    query += [("sort", one) for one in following]
    about = context.get("about", "")
    return {
        "column": column,
        "place": sorts.index(now) + 1 if now and len(sorts) > 1 else 0,
        # A stable id: htmx gives the focus back to it when the grid has been replaced.
        "id": "sort-" + re.sub(r"\s", "_", column),
        # Escaped once: each stands there several times, and a grid has many heads.
        "href": _escaped(f"?{urlencode(query)}"),
        "direction": direction,
        "label": _escaped(label or column),
        "about": about and _escaped(f"{about}?of={quote(column, safe='')}"),
        "width": (context.get("widths") or {}).get(column, ""),
        "css": cells.cell_class(kind),
        "target": context.get("target", ""),
    }
