"""What a run's published result holds."""

from __future__ import annotations

from queries import stored_results


def column_values(run, column="$d.n") -> list:
    """The cells of one column, in the order in which the rows were stored."""
    with stored_results.open_result(run.result) as reader:
        page = reader.page(offset=0, size=reader.total, columns=[column])
    return [cells[0] for _number, cells in page.rows]
