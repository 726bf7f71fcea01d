"""docs/providers.md says of every provider what its code says."""

from __future__ import annotations

import dataclasses
import importlib
import re
from datetime import timedelta
from pathlib import Path

import pytest

from queries.providers.base import Capabilities
from queries.providers.registry import provider_choices, provider_class
from tests.paths import ROOT

PAGE = (ROOT / "docs" / "providers.md").read_text()
SLUGS = [slug for slug, _ in provider_choices()]


def matrix() -> dict[str, dict[str, str]]:
    """Provider label -> capability -> cell, from the page's first table."""
    lines = [
        line for line in PAGE.split("\n## ")[1].splitlines() if line.startswith("|")
    ]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    labels = cells[0][2:]
    return {
        label: {row[0].strip("`"): row[2 + place] for row in cells[2:]}
        for place, label in enumerate(labels)
    }


def shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        hours = value // timedelta(hours=1)
        return (
            f"{value.days} days" if value.days else f"{hours} hour{'s' * (hours > 1)}"
        )
    return ", ".join(value) if value else "none"


def test_every_provider_has_a_column_and_no_other_does():
    assert list(matrix()) == [label for _, label in provider_choices()]


@pytest.mark.parametrize("slug", SLUGS)
def test_the_column_says_what_the_code_says(slug):
    kind = provider_class(slug)
    said = {
        field.name: shown(getattr(kind.capabilities, field.name))
        for field in dataclasses.fields(Capabilities)
    }
    assert matrix()[kind.label] == said


@pytest.mark.parametrize("slug", SLUGS)
def test_every_assumption_in_the_code_is_listed(slug):
    module = importlib.import_module(provider_class(slug).__module__)
    package = Path(module.__file__).parent
    written = sum(
        path.read_text().count("Assumption:") for path in package.glob("*.py")
    )
    chapter = PAGE.split(f"\n## {provider_class(slug).label}\n")[1].split("\n## ")[0]
    listed = re.findall(r"^- ", chapter.split("### Assumptions")[1], re.MULTILINE)
    assert len(listed) == written
