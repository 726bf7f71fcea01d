"""One export of ours, timed: from the stored result to the file on disk, sum and all.

`python -m tests.benchmarks.our_export <format> <run> <columns> <file>` prints the seconds as JSON; columns 0: all.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import django


def main(kind: str, run: str, width: int, file: Path) -> float:
    """Write the file as a build does; formula-looking text is made harmless, as always."""
    from queries.exports.formats import Options, write
    from queries.models import Run
    from queries.stored_results import open_result, stored_columns

    result_set = Run.objects.get(pk=run).result
    assert result_set
    columns = stored_columns(result_set)[: width or None]
    begun = time.perf_counter()
    with open_result(result_set) as reader:
        batches = reader.batches(columns=[column.name for column in columns])
        write(kind, file, columns, batches, options=Options())
    return time.perf_counter() - begun


if __name__ == "__main__":
    django.setup()
    seconds = main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    print(json.dumps({"seconds": seconds, "bytes": Path(sys.argv[4]).stat().st_size}))
