"""Files of 100,000 rows and 20 columns: ours, django-sql-explorer's and pandas', each made in a process of its own."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import Measured, measure
from tests.benchmarks.setup import WIDTH

MAKERS = ("ours", "explorer", "pandas")
FORMATS = ("csv", "json", "xlsx")
_PEER = Path(__file__).parent / "peer_export.py"


@dataclass(frozen=True)
class Made:
    """Median seconds, and the peak memory in bytes, of one maker's file."""

    seconds: float
    peak: int


def compare(
    facts: Mapping[str, Any], folder: Path, bench: Path, repeats: int
) -> dict[str, dict[str, Made]]:
    """Format -> maker -> what it took. The makers take turns."""
    found: dict[str, dict[str, Made]] = {}
    for kind in FORMATS:
        taken: dict[str, list[Measured]] = {maker: [] for maker in MAKERS}
        for _ in range(repeats):
            for maker in MAKERS:
                taken[maker].append(_made(maker, kind, facts, folder, bench))
        found[kind] = {maker: _middle(runs) for maker, runs in taken.items()}
    return found


def whole(facts: Mapping[str, Any], kind: str) -> Made:
    """One file of every row and every column of ours."""
    with tempfile.TemporaryDirectory() as scratch:
        made = measure(_our_command(kind, facts, 0, Path(scratch) / f"whole.{kind}"))
    return Made(made.said["seconds"], made.peak)


def _made(
    maker: str, kind: str, facts: Mapping[str, Any], folder: Path, bench: Path
) -> Measured:
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / f"export.{kind}"
        if maker == "ours":
            return measure(_our_command(kind, facts, WIDTH, file))
        python = str(bench / "bin" / "python")
        return measure(
            [python, str(_PEER), maker, kind, str(folder / "peer.db"), str(file)]
        )


def _our_command(
    kind: str, facts: Mapping[str, Any], width: int, file: Path
) -> list[str]:
    return [
        sys.executable,
        "-m",
        "tests.benchmarks.our_export",
        kind,
        facts["run"],
        str(width),
        str(file),
    ]


def _middle(runs: list[Measured]) -> Made:
    return Made(
        statistics.median(run.said["seconds"] for run in runs),
        max(run.peak for run in runs),
    )
