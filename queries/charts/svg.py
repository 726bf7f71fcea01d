"""Draw series as an SVG that fits any width, without script or inline style; colours by class.

Positions are percentages of the width, so that texts keep their size; only lines are inside a
stretched box. Every chart comes with a table of the same data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from queries.charts.ticks import number_ticks, short_number

SERIES_COLORS = 8
"""How many colours the stylesheet has for series."""
MAX_NAME_CHARACTERS = 28
"""Characters of a name beside a bar."""
MAX_TICK_CHARACTERS = 16
"""Characters of a name below a line or column."""
MAX_CATEGORY_TICKS = 6
"""Names below a line over categories."""
BAR_HEIGHT = 22
"""Pixels of a lying bar with its share of the gap."""
_NAMES, _ROOM = 33, 55  # percent of the width for names and bars


@dataclass(frozen=True)
class Series:
    """One number per position on the x axis; ``color`` is a severity's key or "1" to "8"."""

    name: str
    values: Sequence[float | None]
    color: str = "1"


@dataclass(frozen=True)
class Chart:
    """What to draw. ``labels`` name the positions on the x axis; ``urls``, if any, link from each.

    ``kind`` is "columns" (upright, stacked), "bars" (horizontal, side by side) or "line". ``ticks`` are
    (position from 0 to 1, text); without them some of the labels are shown. ``x_positions`` (0 to 1) are
    those of a line's points; without them the points are evenly spaced. ``value_ranges`` are the low and
    high value that the link of each position stands for.
    """

    title: str
    kind: Literal["columns", "bars", "line"]
    labels: Sequence[str]
    series: Sequence[Series]
    x_label: str = ""
    ticks: Sequence[tuple[float, str]] = ()
    x_positions: Sequence[float] = ()
    urls: Sequence[str] = ()
    value_ranges: Sequence[tuple[str, str]] = ()
    data: dict[str, str] = field(default_factory=dict)

    @property
    def table(self) -> list[tuple[str, list[float | None]]]:
        """The same as rows of a table: a label, then a number per series."""
        numbers = zip(*(one.values for one in self.series), strict=True)
        return [
            (label, list(row)) for label, row in zip(self.labels, numbers, strict=True)
        ]


def render_chart(drawn: Chart) -> SafeString:
    """Return the SVG. With links it is a group of them, else one image with a title."""
    if drawn.kind == "bars":
        return _lying(drawn)
    scale = YScale.for_chart(drawn)
    marks = _columns(drawn, scale) if drawn.kind == "columns" else _lines(drawn, scale)
    return _svg(drawn, format_html("{}{}{}", _grid(scale), marks, _x_axis(drawn)), "")


@dataclass(frozen=True)
class YScale:
    """Maps numbers to percent from the top."""

    ticks: list[float]

    @classmethod
    def for_chart(cls, drawn: Chart) -> YScale:
        """Return the scale that fits all of a chart: sums where columns are stacked."""
        series = [[value or 0 for value in one.values] for one in drawn.series]
        if drawn.kind == "columns":
            series = [[sum(stack) for stack in zip(*series, strict=True)]]
        numbers = [value for one in series for value in one] or [0]
        return cls(number_ticks(min(numbers), max(numbers)))

    def __call__(self, value: float) -> float:
        """Return the position of a number, 0 (top) to 100."""
        low, high = self.ticks[0], self.ticks[-1]
        return round(100 - 100 * (value - low) / (high - low), 3)


def _svg(drawn: Chart, inside: SafeString, height: str) -> SafeString:
    first, last = (drawn.labels[0], drawn.labels[-1]) if drawn.labels else ("", "")
    words = f"{drawn.title}: {', '.join(one.name for one in drawn.series)}"
    about = f"{len(drawn.labels)} values from {first} to {last}. A table below says the same."
    data = format_html_join("", ' data-{}="{}"', drawn.data.items())
    size = format_html(' height="{}"', height) if height else ""
    if drawn.urls:
        return format_html(
            '<svg class="chart chart--{}" role="group" aria-label="{}"{}{}><desc>{}</desc>{}</svg>',
            drawn.kind, words, size, data, about, inside,
        )  # fmt: skip
    return format_html(
        '<svg class="chart chart--{}" role="img" aria-label="{}"{}{}><title>{}</title><desc>{}</desc>{}</svg>',
        drawn.kind, f"{words}. {about}", size, data, words, about, inside,
    )  # fmt: skip


def _grid(scale: YScale) -> SafeString:
    return format_html_join(
        "",
        '<line class="rule" x1="0" x2="100%" y1="{0}%" y2="{0}%"/><text class="y" x="-6" y="{0}%">{1}</text>',
        ((scale(tick), short_number(tick)) for tick in scale.ticks),
    )


def _x_axis(drawn: Chart) -> SafeString:
    ticks = drawn.ticks or list(_some_names(drawn))
    # Names are longer than times: a phone has room for every third one.
    spare = "" if drawn.ticks else " hide-small"
    return format_html_join(
        "",
        '<text class="x{}" x="{}%" y="100%">{}</text>',
        (
            (spare if at % 3 else "", round(place * 100, 2), words)
            for at, (place, words) in enumerate(ticks)
        ),
    )


def _some_names(drawn: Chart) -> Iterator[tuple[float, str]]:
    """Place names below the middle of their columns, or below their points."""
    count = len(drawn.labels)
    places = _points(drawn) if drawn.kind == "line" else _middles(count)
    for at in range(0, count, max(1, -(-count // MAX_CATEGORY_TICKS))):
        yield places[at], _cut(drawn.labels[at], MAX_TICK_CHARACTERS)


def _middles(count: int) -> list[float]:
    return [(at + 0.5) / count for at in range(count)]


def _points(drawn: Chart) -> Sequence[float]:
    """Return the x positions of a line's points, from 0 to 1."""
    last = max(len(drawn.labels) - 1, 1)
    return drawn.x_positions or [at / last for at in range(len(drawn.labels))]


def _columns(drawn: Chart, scale: YScale) -> SafeString:
    """Draw stacked rectangles at each position, inside a link of full height if there is one."""
    width = 100 / max(len(drawn.labels), 1)
    stacks = []
    for at, label in enumerate(drawn.labels):
        pieces = format_html_join("", "{}", _stack(drawn, scale, at, width))
        said = _said(drawn, at, label)
        stacks.append(_place(drawn, at, width, pieces, said))
    return format_html_join("", "{}", ((stack,) for stack in stacks))


def _stack(
    drawn: Chart, scale: YScale, at: int, width: float
) -> Iterator[tuple[SafeString]]:
    base = 0.0
    for one in drawn.series:
        value = one.values[at] or 0
        if not value:
            continue
        top, bottom = sorted((scale(base), scale(base + value)))
        yield (
            format_html(
                '<rect {} x="{}%" y="{}%" width="{}%" height="{}%"/>',
                _tone(one), round(at * width + width * 0.08, 3), top,
                round(width * 0.84, 3), round(bottom - top, 3),
            ),
        )  # fmt: skip
        base += value


def _place(
    drawn: Chart, at: int, width: float, pieces: SafeString, said: str
) -> SafeString:
    if not drawn.urls:
        return format_html("<g><title>{}</title>{}</g>", said, pieces)
    span = (
        format_html(' data-low="{}" data-high="{}"', *drawn.value_ranges[at])
        if drawn.value_ranges
        else ""
    )
    return format_html(
        '<a href="{}" hx-get="{}"{} aria-label="{}, show only these"><title>{}</title>'
        '<rect class="hit" x="{}%" y="0" width="{}%" height="100%"/>{}</a>',
        drawn.urls[at], drawn.urls[at], span, said, said, round(at * width, 3), round(width, 3), pieces,
    )  # fmt: skip


def _said(drawn: Chart, at: int, label: str) -> str:
    numbers = [(one.name, one.values[at]) for one in drawn.series]
    said = [f"{name} {value:,}" for name, value in numbers if value]
    return f"{label}: {', '.join(said) or 'nothing'}"


def _lines(drawn: Chart, scale: YScale) -> SafeString:
    """Draw lines in a stretched box (their width is not stretched), with a gap where a number is missing."""
    places = _points(drawn)
    return format_html(
        '<svg viewBox="0 0 1000 100" preserveAspectRatio="none" width="100%" height="100%">{}</svg>',
        format_html_join(
            "",
            '<path {} d="{}"/>',
            ((_tone(one), _path(places, one.values, scale)) for one in drawn.series),
        ),
    )


def _path(
    places: Sequence[float], values: Sequence[float | None], scale: YScale
) -> str:
    parts, pen = [], "M"
    for place, value in zip(places, values, strict=True):
        if value is None:
            pen = "M"
            continue
        point = f"{round(1000 * place, 2)} {scale(value)}"
        # A single point is a line of length 0, which a round cap shows as a dot.
        parts.append(f"M{point}L{point}" if pen == "M" else f"L{point}")
        pen = "L"
    return "".join(parts)


def _lying(drawn: Chart) -> SafeString:
    """Draw names on the left, bars beside them, numbers at their ends."""
    numbers = [v for one in drawn.series for v in one.values if v is not None] or [0]
    low, high = min(*numbers, 0), max(*numbers, 0)
    count, gap = len(drawn.series), BAR_HEIGHT // 3
    rows = [
        _bar(drawn, (at, n), (at * count + n) * BAR_HEIGHT + at * gap, (low, high))
        for at in range(len(drawn.labels))
        for n in range(count)
    ]
    height = len(drawn.labels) * (count * BAR_HEIGHT + gap)
    return _svg(
        drawn, format_html_join("", "{}", ((row,) for row in rows)), str(height)
    )


def _bar(
    drawn: Chart, which: tuple[int, int], top: int, bounds: tuple[float, float]
) -> SafeString:
    """Draw one bar at ``top`` pixels, of one position and series ``which``."""
    at, n = which
    one, label = drawn.series[n], drawn.labels[at]
    value = one.values[at]
    per_unit = _ROOM / ((bounds[1] - bounds[0]) or 1)
    left = _NAMES + 1 + per_unit * (min(value or 0, 0) - bounds[0])
    width = per_unit * abs(value or 0)
    return format_html(
        '<g><title>{}: {} {}</title><text class="name" x="{}%" y="{}">{}</text>'
        '<rect {} x="{}%" y="{}" width="{}%" height="{}"/>'
        '<text class="value" x="{}%" y="{}" dx="6">{}</text></g>',
        label, one.name, "no value" if value is None else f"{value:,}",
        _NAMES, top + BAR_HEIGHT // 2, "" if n else _cut(label),
        _tone(one), round(left, 2), top, round(width, 2), BAR_HEIGHT - 5,
        round(left + width, 2), top + BAR_HEIGHT // 2, "" if value is None else short_number(value),
    )  # fmt: skip


def _cut(name: str, most: int = MAX_NAME_CHARACTERS) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _tone(one: Series) -> SafeString:
    if one.color.isdigit():
        return format_html('class="hue-{}"', one.color)
    return format_html('data-severity="{}"', one.color)
