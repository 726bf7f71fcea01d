"""docs/architecture.md: every file and name in its table exists."""

from __future__ import annotations

import ast
import re

from tests.paths import ROOT

ROWS = re.findall(
    r"^\| (.+?) \| `(\S+\.py)` \| `(\w+)` \|$",
    (ROOT / "docs" / "architecture.md").read_text(),
    re.M,
)


def test_the_table_answers_at_least_fourteen_questions():
    assert len({question for question, _file, _name in ROWS}) >= 14


def test_each_file_of_the_table_defines_its_name():
    missing = []
    for question, file, name in ROWS:
        tree = ast.parse((ROOT / file).read_text()) if (ROOT / file).exists() else None
        defined = {getattr(node, "name", "") for node in tree.body} if tree else set()
        if name not in defined:
            missing.append((question, file, name))
    assert missing == []


def test_each_module_named_in_the_documents_exists():
    """Paths in code quotes, relative to the repository or to the app."""
    missing = set()
    for document in sorted((ROOT / "docs").glob("*.md")):
        for path in re.findall(r"`([\w/]+/\w+\.py)`", document.read_text()):
            if "toy" not in path and not any(
                (base / path).exists() for base in (ROOT, ROOT / "queries")
            ):
                missing.add((document.name, path))
    assert missing == set()
