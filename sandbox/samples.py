"""Statements that show the product on the demo rows. Needs nothing else of the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Sample:
    """A statement to start with; ``range`` is a preset of the product's time ranges, ``tier`` applies to direct mode."""

    title: str
    statement: str
    mode: Literal["direct", "background"] = "direct"
    range: str = "last-24h"
    tier: Literal["TIER_FREQUENT_SEARCH", "TIER_ARCHIVE"] = "TIER_FREQUENT_SEARCH"
    syntax: Literal["QUERY_SYNTAX_DATAPRIME", "QUERY_SYNTAX_LUCENE"] = (
        "QUERY_SYNTAX_DATAPRIME"
    )


SAMPLE_STATEMENTS: tuple[Sample, ...] = (
    Sample(
        "Latest errors",
        "source logs\n| filter $m.severity >= ERROR\n| orderby $m.timestamp desc\n| limit 200",
    ),
    Sample(
        "Errors by service and hour",
        "source logs\n| filter $m.severity >= WARNING\n"
        "| groupby $m.timestamp / 1h as hour, $l.subsystemname as service aggregate count() as lines\n| orderby hour desc",
        range="last-7d",
    ),
    Sample(
        "Slow pages",
        "source logs\n| filter $d.http.latency_ms:number > 200\n"
        "| choose $m.timestamp, $d.http.method, $d.http.path, $d.http.status, $d.http.latency_ms as ms, $d.traceId\n"
        "| orderby ms desc\n| limit 500",
    ),
    Sample(
        "Takings by currency",
        "source logs\n| filter $d.message == 'order placed'\n"
        "| groupby $d.order.total.currency as currency aggregate count() as orders, sum($d.order.total.amount:number) as total\n"
        "| create total from round(total, 2)\n| orderby orders desc",
        range="last-7d",
    ),
    Sample(
        "Failed payments",
        "source logs\n| filter $l.subsystemname == 'payments' && $d.payment.status:number >= 400\n"
        "| choose $m.timestamp, $m.severity, $d.message, $d.payment, $d.duration_ms",
        range="last-7d",
        tier="TIER_ARCHIVE",
    ),
    Sample("Anything about a timeout", "timeout OR \"502 Bad Gateway\"", range="last-7d", syntax="QUERY_SYNTAX_LUCENE"),
    Sample("A week of the storefront", "source logs\n| filter $l.subsystemname == 'storefront'", mode="background", range="last-7d"),
)  # fmt: skip
