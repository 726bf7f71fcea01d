"""docs/style.md, as far as a search can hold it: words that code, docs and templates do not use."""

from __future__ import annotations

import re
import subprocess

from tests.paths import ROOT

BANNED_WORDS = re.compile(
    r"\b(somebody|nobody|whoever|everybody|anybody|one's|whosoever|wherein|thereby)\b",
    re.IGNORECASE,
)
#: Names that an earlier vocabulary used; see docs/style.md.
OLD_NAMES = re.compile(
    r"\b(MOST_[A-Z_]+|PumpSlot|OfProvider|Shredder|Outbox|made_there|long_tasks|refinery"
    r"|bell|shelf|disown|workshop_of)\b"
)
#: The page that shows what not to write, a product's name, and migrations, which keep old names.
EXCEPTIONS = ("docs/style.md", "queries/migrations/", "sandbox/shop/catalog.py")
FOLDERS = ("dashboard", "dataprime", "queries", "sandbox", "docs", "templates")


def lines_with(pattern: re.Pattern[str], *folders: str) -> list[str]:
    """Return "file:line" of each match in the tracked text files."""
    tracked = subprocess.run(
        ["git", "ls-files", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [
        f"{name}:{number}"
        for name in tracked
        if name.endswith((".py", ".html", ".md")) and not name.startswith(EXCEPTIONS)
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_indefinite_persons_in_code_docs_and_templates():
    assert lines_with(BANNED_WORDS, *FOLDERS, "README.md") == []


def test_no_names_of_the_earlier_vocabulary():
    assert lines_with(OLD_NAMES, *FOLDERS) == []


def test_the_search_finds_what_it_looks_for():
    assert BANNED_WORDS.search("as Nobody knows")
    assert OLD_NAMES.search("limit = MOST_ROWS")
