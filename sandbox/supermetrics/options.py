"""How the sandbox's Supermetrics behaves where the real one differs by customer, licence or age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True)
class SupermetricsOptions:
    """Ways to behave; the defaults are today's documented ones.

    ``problem_details``: errors as in the older documents (RFC 9457). ``accepted``: the status of a query that goes on;
    customers from before June 2022 get 200. ``header_counts``: a header row is row 0 of the offsets (the documents leave
    it open).
    """

    problem_details: bool = False
    accepted: Literal[202, 200] = 202
    header_counts: bool = False
    requests_per_hour: int = 5_000
    queries_per_day: int = 0
    retention: timedelta = timedelta(hours=1)
    waiting_duplicates: int = 10
    rows: int = 1_000_000
