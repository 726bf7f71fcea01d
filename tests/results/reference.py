"""What a result should answer, in plain Python: slow, literal, and nothing shared with the product's SQL.

Rows are read from their values alone; a cell is what JSON had, or a Time, and lists and empty
objects are Documents.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cmp_to_key

SEVERITIES = ("Debug", "Verbose", "Info", "Warning", "Error", "Critical")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBER = re.compile(
    r"\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*", re.IGNORECASE | re.ASCII
)
ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?Z?"
)
WORDS = [word.lower() for word in SEVERITIES]
MORE = {"not": "is", "lacks": "contains", "empty": "present"}


class RefusedError(Exception):
    """The condition cannot be understood for this column."""


@dataclass(frozen=True, order=True)
class Time:
    """Nanoseconds since 1970."""

    at: int

    def __str__(self):
        moment = EPOCH + timedelta(seconds=self.at // 10**9)
        return f"{moment:%Y-%m-%d %H:%M:%S}.{self.at % 10**9:09}"


class Document(str):
    """A list or an empty object, as compact JSON."""


def table(rows, hints):
    """The rows as dicts of cells by keypath; keys must be plain words."""
    return [dict(_leaves(row, "", hints)) for row in rows]


def _leaves(value, path, hints):
    if isinstance(value, dict) and (value or not path):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key, hints)
    elif value is not None:
        yield path, _cell(value, hints.get(path))


def _cell(value, hint):
    if isinstance(value, list | dict):
        return Document(json.dumps(value, separators=(",", ":"), ensure_ascii=False))
    if hint == "timestamp" and isinstance(value, str) and ISO.fullmatch(value):
        return Time(span(value)[0])
    if hint == "severity" and not isinstance(value, bool | float):
        plain = str(value).lower() in [*WORDS, *map(str, range(1, len(WORDS) + 1))]
        return _severity(str(value)) if plain else value
    return value


def _rank(text):
    """The weight of a severity as people type it: its word or its number."""
    text = text.strip().lower()
    if text in WORDS:
        return WORDS.index(text) + 1
    weight = number(text)
    return weight if weight in range(1, len(WORDS) + 1) else None


def _severity(text):
    return text if _rank(text) is None else SEVERITIES[_rank(text) - 1]


def span(text):
    """The first nanosecond of the last unit given, and the first after it."""
    day, *units = ISO.fullmatch(text).groups()
    hour, minute, second, part = (unit or "00" for unit in units)
    moment = datetime.fromisoformat(f"{day}T{hour}:{minute}:{second}+00:00")
    start = (moment - EPOCH) // timedelta(seconds=1) * 10**9 + int(part.ljust(9, "0"))
    widths = (86_400, 3_600, 60, 1)
    given = [unit is not None for unit in units].count(True)
    return start, start + (
        10 ** (9 - len(part)) if given == 4 else widths[given] * 10**9
    )


def shown(cell):
    """A cell as the text that is searched."""
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def is_number(cell):
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def number(text):
    """An exact number; a fraction is the double nearest to it."""
    if not NUMBER.fullmatch(text):
        return None
    exact = Fraction(Decimal(text.strip()))
    return int(exact) if exact.denominator == 1 else Fraction(float(text))


def equal(cell, text):
    if isinstance(cell, Time):
        start, stop = span(text) if ISO.fullmatch(text) else (0, 0)
        return start <= cell.at < stop
    if isinstance(cell, bool):
        return text.strip().lower() == shown(cell)
    if is_number(cell):
        return _equal_numbers(cell, text)
    return cell == text or (isinstance(cell, Document) and _compact(text) == cell)


def _equal_numbers(cell, text):
    wanted = number(text)
    if isinstance(cell, int) or wanted is None:
        return cell == wanted
    plain = text.strip().lstrip("+-").isdecimal()
    return Fraction(cell) == (wanted if plain else Fraction(float(text)))


def _compact(text):
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return (
        json.dumps(found, separators=(",", ":"), ensure_ascii=False)
        if isinstance(found, list | dict)
        else None
    )


def found_in(cell, text):
    if isinstance(cell, Time):
        text = re.sub(r"(?<=\d)[tT](?=\d|$)", " ", text).rstrip("zZ")
    return text.lower() in shown(cell).lower()


def between(cell, low, high):
    """Whether the cell is in the range; None where it cannot be compared with these bounds."""
    if isinstance(cell, Document | bool):
        return None
    if isinstance(cell, Time):
        return _within(
            cell.at, low, high, lambda text: span(text) if ISO.fullmatch(text) else None
        )
    numbers = [number(text) for text in (low, high) if text]
    if is_number(cell):
        return None if None in numbers else _within(Fraction(cell), low, high, _point)
    if None in numbers:
        return low <= cell and (not high or cell <= high)
    return number(cell) is not None and _within(
        Fraction(float(cell)), low, high, _point
    )


def _point(text):
    found = number(text)
    return None if found is None else (found, None)


def _within(value, low, high, read):
    bounds = [read(text) if text else () for text in (low, high)]
    if None in bounds:
        return None
    above = not bounds[0] or value >= bounds[0][0]
    below = not bounds[1] or (
        value <= bounds[1][0] if bounds[1][1] is None else value < bounds[1][1]
    )
    return above and below


def between_weights(cell, low, high):
    ranks = [_rank(text) for text in (low, high) if text]
    if None in ranks:
        return None
    weight = _rank(cell)
    return (
        weight is not None
        and (not low or weight >= _rank(low))
        and (not high or weight <= _rank(high))
    )


def kind_is_severity(cells, name, hints):
    """A column is one of severities when it holds nothing but plain texts."""
    column = [row[name] for row in cells if name in row]
    return hints.get(name) == "severity" and all(type(cell) is str for cell in column)


def passing(cells, condition, hints):
    """For each row whether it passes; RefusedError when no cell of the column can be compared."""
    name, operation, values = condition.column, condition.operation, condition.values
    weighed = kind_is_severity(cells, name, hints)
    tests = {
        "is": lambda cell: any(
            equal(cell, _severity(v) if weighed else v) for v in values
        ),
        "contains": lambda cell: found_in(cell, values[0]),
        "matches": lambda cell: re.search(values[0], shown(cell), re.ASCII) is not None,
        "between": lambda cell: (between_weights if weighed else between)(
            cell, *values
        ),
        "present": lambda cell: True,
    }
    test = tests[MORE.get(operation, operation)]
    found = [test(row[name]) if name in row else False for row in cells]
    held = [result for row, result in zip(cells, found, strict=True) if name in row]
    if operation == "between" and held and all(result is None for result in held):
        raise RefusedError
    return [not result if operation in MORE else bool(result) for result in found]


def selected(cells, only, hints):
    """The numbers of the rows that a filter lets pass."""
    passed = [True] * len(cells)
    for condition in only.conditions:
        passed = [
            a and b
            for a, b in zip(passed, passing(cells, condition, hints), strict=True)
        ]
    if only.text:
        for n, row in enumerate(cells):
            searched = row.values() if only.column is None else [row.get(only.column)]
            passed[n] &= any(
                found_in(cell, only.text) for cell in searched if cell is not None
            )
    return [n for n, passes in enumerate(passed) if passes]


def ordered(cells, numbers, sorts, hints):
    """The numbers in the order of the sorts; rows that are equal stay as they are."""
    found = list(numbers)
    for sort in reversed(sorts):
        weighed = kind_is_severity(cells, sort.column, hints)
        turn = -1 if sort.descending else 1

        def compare(one, other, name=sort.column, weighed=weighed, turn=turn):
            ours, theirs = (_place(cells[n].get(name), weighed) for n in (one, other))
            if (
                ours[0] != theirs[0]
            ):  # what there is to compare comes in one order, always
                return -1 if ours[0] < theirs[0] else 1
            return turn * ((ours[1] > theirs[1]) - (ours[1] < theirs[1]))

        found.sort(key=cmp_to_key(compare))
    return found


def _place(cell, weighed):
    """Which kinds come first, and the value among its kind."""
    if cell is None:
        return 9, 0
    if isinstance(cell, bool):
        return 1, cell
    if is_number(cell):
        return 0, Fraction(cell)
    if isinstance(cell, Time):
        return 2, cell
    weight = _rank(cell) if weighed else None
    return (3, weight) if weight else (4, str(cell))
