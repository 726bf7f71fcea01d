"""`make bench`: one table, ratios first; each figure measured beside its peer in the same run."""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from tests.benchmarks import exports, ingest, views
from tests.benchmarks.processes import ROOT, measure

MEGABYTE = 2**20
EXPORT_ROWS = 100_000


def main() -> None:
    """Set the stage for each size, measure, print."""
    chosen = _arguments()
    _own_environment(chosen.folder)
    for row in _table(chosen):
        print(row, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000]
    )
    parser.add_argument("--repeats", type=int, default=5, choices=range(1, 7))
    parser.add_argument("--parts", nargs="+", default=["ingest", "views", "exports"])
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "bench")
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-bench")
    return parser.parse_args()


def _own_environment(folder: Path) -> None:
    """The product's settings for the children; keys that live as long as the folder does."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = folder / "keys"
    if not keys.is_file():
        keys.write_text(f"{secrets.token_urlsafe(64)} {Fernet.generate_key().decode()}")
    secret, field = keys.read_text().split()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "SECRET_KEY": secret,
        "QUERYDECK_FIELD_KEYS": field,
        "QUERYDECK_HTTPS": "no",
    }


def _table(chosen: argparse.Namespace) -> Iterator[str]:
    yield "| ratio | what | ours | peer | peer's name |"
    yield "|---|---|---|---|---|"
    if "ingest" in chosen.parts:
        yield from _ingest(chosen)
    for count in chosen.rows:
        folder = chosen.folder / str(count)
        facts = _stage(count, folder)
        share = facts["json_bytes"] / facts["stored_bytes"]
        yield _row(
            share,
            f"size on disk, {count:,} rows",
            _size(facts["stored_bytes"]),
            _size(facts["json_bytes"]),
            "the rows' JSON",
        )
        if "views" in chosen.parts:
            yield from _views(count, facts, folder, chosen)
        if "exports" in chosen.parts and count == EXPORT_ROWS:
            yield from _exports(facts, folder, chosen)
        if "exports" in chosen.parts and count == max(chosen.rows):
            yield from _whole(count, facts)


def _stage(count: int, folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["QUERYDECK_DATA_DIR"] = str(folder)
    return measure(
        [sys.executable, "-m", "tests.benchmarks.setup", str(count), str(folder)]
    ).output


def _ingest(chosen: argparse.Namespace) -> Iterator[str]:
    rows = max(chosen.rows)
    found = ingest.measure(rows, min(chosen.repeats, 3))
    ours, alone = found["ingest"], found["decode"]
    what = f"ingest, {rows:,} rows"
    yield _row(
        alone["seconds"] / ours["seconds"],
        what,
        f"{ours['seconds']:.2f} s",
        f"{alone['seconds']:.2f} s",
        "msgspec's decode alone",
    )
    yield f"| | {what}, memory | {ours['peak_mb']:.0f} MB | | |"
    yield f"| | compaction after it, memory | {ours['compaction_seconds']:.2f} s, {ours['compacted_peak_mb']:.0f} MB | | |"


def _views(
    count: int, facts: Any, folder: Path, chosen: argparse.Namespace
) -> Iterator[str]:
    answers, us, them = views.compare(facts, folder, chosen.peers, chosen.repeats)
    peer = f"datasette {_peer_version(chosen.peers, 'datasette')}"
    for answer in answers:
        yield _row(
            answer.theirs / answer.ours,
            f"{answer.name}, {count:,} rows",
            _ms(answer.ours),
            _ms(answer.theirs),
            peer,
        )
        yield _row(
            answer.theirs_again / answer.ours_again,
            f"{answer.name}, {count:,} rows, again",
            _ms(answer.ours_again),
            _ms(answer.theirs_again),
            peer,
        )
    yield _row(
        them / us, f"memory of the server, {count:,} rows", _size(us), _size(them), peer
    )


def _exports(facts: Any, folder: Path, chosen: argparse.Namespace) -> Iterator[str]:
    for kind, made in exports.compare(
        facts, folder, chosen.peers, chosen.repeats
    ).items():
        ours = made["ours"]
        for peer, package in (
            ("explorer", "django-sql-explorer"),
            ("pandas", "pandas"),
        ):
            name = f"{package} {_peer_version(chosen.peers, package)}"
            what = f"{kind.upper()}, {EXPORT_ROWS:,} rows of 20 columns"
            yield _row(
                made[peer].seconds / ours.seconds,
                what,
                f"{ours.seconds:.2f} s",
                f"{made[peer].seconds:.2f} s",
                name,
            )
            yield _row(
                made[peer].peak / ours.peak,
                f"{what}, memory",
                _size(ours.peak),
                _size(made[peer].peak),
                name,
            )


def _whole(count: int, facts: Any) -> Iterator[str]:
    for kind in ("csv", "json", "xlsx"):
        made = exports.measure_all_rows(facts, kind)
        yield f"| | {kind.upper()}, all {count:,} rows of {len(facts['columns'])} columns | {made.seconds:.1f} s, {_size(made.peak)} | | |"


def _row(ratio: float, what: str, ours: str, theirs: str, peer: str) -> str:
    return (
        f"| {ratio:.{1 if ratio < 10 else 0}f}x | {what} | {ours} | {theirs} | {peer} |"
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def _size(count: int) -> str:
    return f"{count / MEGABYTE:,.1f} MB"


def _peer_version(peers: Path, package: str) -> str:
    ask = ["-c", f"from importlib.metadata import version; print(version('{package}'))"]
    command: Sequence[str] = [str(peers / "bin" / "python"), *ask]
    return subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
