"""docs/dataprime.md lists exactly what there is."""

from __future__ import annotations

import re

from dataprime.aggregates import AGGREGATES
from dataprime.commands import _COMMANDS, _UNSUPPORTED
from dataprime.extract import _METHODS
from dataprime.functions.registry import SCALARS, SPECIAL
from dataprime.values import CAST_NAMES
from tests.paths import ROOT

PAGE = ROOT / "docs" / "dataprime.md"
TEXT = PAGE.read_text()


def section(title: str) -> str:
    return re.split(r"^## ", TEXT.split(f"\n## {title}\n")[1], flags=re.MULTILINE)[0]


def test_every_command_and_extraction_is_listed():
    named = set(re.findall(r"`([a-z_]+)`", section("Commands")))
    assert set(_COMMANDS) | set(_METHODS) <= named


def test_every_function_is_listed_and_no_other():
    functions = re.split(r"\*\*Not implemented\*\*", section("Expressions"))[0]
    listed = functions[functions.index("**Conditions**") :]
    named = set(re.findall(r"`(\w+)`", listed))
    assert named == {*SCALARS, *AGGREGATES, *SPECIAL}


def test_every_cast_and_every_gap_is_listed():
    assert {f"`:{name}`" for name in CAST_NAMES} <= set(re.findall(r"`:\w+`", TEXT))
    gaps = TEXT.split("**Not implemented**")[1]
    assert {name for name in _UNSUPPORTED if f"`{name}`" in gaps} == set(_UNSUPPORTED)
