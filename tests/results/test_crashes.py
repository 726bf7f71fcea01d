"""A process killed -9 at any step of storing or compacting leaves what can be read, and what can be swept."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from queries.results import Column, ResultReader, compact, orphan_directories
from tests.results.samples import Written, original, write

VALUES = [{"n": n, "text": f"row {n}"} for n in range(30)]

# Dies at the `at`-th call of a function that takes a step towards a durable file.
SCRIPT = """
import os, signal, sys
from pathlib import Path
from queries.results import Column, PartWriter, compact, parts

where, at, verb, directory = sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
owner, name = {
    "created": (parts, "_created"),
    "written": (parts.StoredPart, "write"),
    "flushed": (os, "fsync"),
    "renamed": (Path, "rename"),
    "synced": (parts, "_sync"),
}[where]
step, calls = getattr(owner, name), iter(range(at, -1, -1))

def deadly(*given):
    if not next(calls):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(*given)

setattr(owner, name, deadly)
if verb == "compact":
    columns = [Column("n", "integer", "i"), Column("text", "text", "s")]
    compact(directory, sys.argv[5:], columns)
else:
    rows = (({"n": n}, b'{"n": %d}' % n) for n in range(10**9))
    for part in PartWriter(directory).write(rows):
        print(part.name, flush=True)
"""
STEPS = ["created", "written", "flushed", "renamed", "synced"]


def killed(where, at, verb, *given) -> list[str]:
    """Run until the step kills; the lines said before."""
    command = [sys.executable, "-c", SCRIPT, where, str(at), verb, *map(str, given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("where", STEPS)
def test_compaction_that_is_killed_changes_nothing(directory, where):
    result = write(directory, VALUES)
    before = result.page()
    killed(where, 0, "compact", directory, *result.names)
    assert result.page() == before
    for path in orphan_directories(directory, result.names, min_age=0):
        path.unlink()
    assert {path.name for path in directory.iterdir()} == set(result.names)
    whole = compact(directory, result.names, result.columns)
    assert Written(directory, [whole], result.columns).page() == before


def test_old_parts_are_swept_after_a_kill_that_left_both(directory):
    result = write(directory, VALUES)
    whole = compact(directory, result.names, result.columns)
    left = orphan_directories(directory, [whole.name], min_age=0)
    assert {path.name for path in left} == set(result.names)
    for path in left:
        path.unlink()
    with Written(directory, [whole], result.columns).reader() as reader:
        assert [reader.row(n) for n in range(30)] == [original(row) for row in VALUES]


@pytest.mark.parametrize("where", STEPS)
@pytest.mark.parametrize("at", [1, 9])  # the ninth part is stored by a thread
def test_parts_told_of_before_a_kill_are_whole(directory, where, at):
    names = killed(where, at, "write", directory)
    rows = 0
    for name in names:
        first, count = map(int, name.split("-")[:2])
        assert first == rows
        rows += count
    assert all((directory / name).is_file() for name in names)
    strays = orphan_directories(directory, names, min_age=0)
    assert {path.name for path in directory.iterdir()} == {
        *names,
        *(path.name for path in strays),
    }
    columns = [Column("n", "integer", "i")]
    with ResultReader(directory, names, columns) as reader:
        page = reader.page(offset=max(rows - 5, 0), size=100)
        assert [cells for _, cells in page.rows] == [
            [n] for n in range(max(rows - 5, 0), rows)
        ]
