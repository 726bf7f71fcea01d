"""Queries to begin with. They need nothing but ordinary logs, so they work for every team."""

from __future__ import annotations

from queries.providers.base import Sample
from queries.providers.coralogix.fields import ARCHIVE, FREQUENT

SAMPLES = (
    Sample(
        "Latest errors",
        "source logs\n| filter $m.severity == ERROR || $m.severity == CRITICAL\n"
        "| orderby $m.timestamp desc\n| limit 2000",
        settings={"tier": FREQUENT},
    ),
    Sample(
        "Errors by service",
        "source logs\n| filter $m.severity >= ERROR\n"
        "| groupby $l.subsystemname aggregate count() as errors\n| orderby errors desc",
        time_range="last-7d",
        settings={"tier": FREQUENT},
    ),
    Sample(
        "Log volume by hour and severity",
        "source logs\n| groupby $m.timestamp / 1h as hour, $m.severity as severity "
        "aggregate count() as lines\n| orderby hour",
        time_range="last-7d",
        settings={"tier": ARCHIVE},
    ),
    Sample(
        "Everything, in the background",
        "source logs\n| orderby $m.timestamp desc\n| limit 50000",
        mode="background",
        time_range="last-7d",
    ),
)
