"""Files of 100,000 rows and 20 columns: ours, django-sql-explorer's and pandas', each made in a process of its own."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import ProcessResult, measure
from tests.benchmarks.setup import WIDTH

EXPORTERS = ("ours", "explorer", "pandas")
FORMATS = ("csv", "json", "xlsx")
_PEER = Path(__file__).parent / "peer_export.py"


@dataclass(frozen=True)
class ExportTiming:
    """Median seconds, and the peak memory in bytes, of one maker's file."""

    seconds: float
    peak: int


def compare(
    facts: Mapping[str, Any], folder: Path, bench: Path, repeats: int
) -> dict[str, dict[str, ExportTiming]]:
    """Format -> maker -> what it took. The makers take turns."""
    found: dict[str, dict[str, ExportTiming]] = {}
    for kind in FORMATS:
        taken: dict[str, list[ProcessResult]] = {maker: [] for maker in EXPORTERS}
        for _ in range(repeats):
            for maker in EXPORTERS:
                taken[maker].append(_made(maker, kind, facts, folder, bench))
        found[kind] = {maker: _middle(runs) for maker, runs in taken.items()}
    return found


def measure_all_rows(facts: Mapping[str, Any], kind: str) -> ExportTiming:
    """One file of every row and every column of ours."""
    with tempfile.TemporaryDirectory() as scratch:
        made = measure(_our_command(kind, facts, 0, Path(scratch) / f"whole.{kind}"))
    return ExportTiming(made.output["seconds"], made.peak)


def _made(
    maker: str, kind: str, facts: Mapping[str, Any], folder: Path, bench: Path
) -> ProcessResult:
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


def _middle(runs: list[ProcessResult]) -> ExportTiming:
    return ExportTiming(
        statistics.median(run.output["seconds"] for run in runs),
        max(run.peak for run in runs),
    )
