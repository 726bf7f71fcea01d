"""Queries to begin with. They work on the sandbox's shop, and on a server's own indices once these are named."""

from __future__ import annotations

from queries.providers.base import Sample

SAMPLES = (
    Sample(
        "Latest errors",
        "source shop-*\n| search severity=Error OR severity=Critical\n| sort -@timestamp\n| head 500",
        mode="background",
        settings={"calculate_stats": True},
    ),
    Sample(
        "Errors by service",
        "source shop-*, platform-*, back-office-*\n| search severity=Error\n| aggs count by service\n| sort -count",
        mode="background",
        time_range="last-7d",
    ),
    Sample(
        "Slow pages, hour by hour",
        "source shop-storefront\n| search http.latency_ms>200\n"
        "| timeaggs span=1h count, avg(http.latency_ms), max(http.latency_ms)",
        mode="background",
        settings={"execution_cost": "DEBUG"},
    ),
    Sample(
        "Everything of three days, by date math",
        "source *",
        mode="background",
        time_range="last-3d",
        settings={
            "time_source": "date_math",
            "start_math": "now-3d/d",
            "end_math": "now",
            "calculate_stats": True,
            "execution_cost": "INFO",
        },
    ),
)
