"""The rows behind the sources: made by SQL from a hash of what they are about, so that any day's are always the same.

``marketing``: one row for each day, campaign, country and device of the two years until today. ``numbers``: n from 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from sandbox.config import Limits, SandboxConfig
from sandbox.supermetrics.execution import Execution
from sandbox.supermetrics.queries import ResolvedQuery

_CAMPAIGNS = (
    ("Brand", 0.9, 0.085, 0.35, 0.11),
    ("Espresso machines", 1.4, 0.031, 1.10, 0.035),
    ("Beans subscription", 1.1, 0.042, 0.80, 0.06),
    ("Gift boxes", 0.6, 0.038, 0.65, 0.05),
    ("Summer cold brew", 0.5, 0.047, 0.55, 0.04),
    ("Remarketing", 0.8, 0.061, 0.45, 0.08),
)
_COUNTRIES = (
    ("Finland", 0.5, 0),
    ("Sweden", 0.6, 0),
    ("Germany", 1.3, 0),
    ("United Kingdom", 1.1, 0),
    ("United States", 1.9, 1),
    ("Canada", 0.7, 1),
)
_DEVICES = (("Mobile", 1.3), ("Desktop", 1.0), ("Tablet", 0.2))

_TABLES = """
CREATE TABLE campaigns (campaign VARCHAR, weight DOUBLE, ctr DOUBLE, cpc DOUBLE, cvr DOUBLE);
CREATE TABLE countries (country VARCHAR, size DOUBLE, market INTEGER);
CREATE TABLE devices (device VARCHAR, share DOUBLE);
"""
_MARKETING = """
CREATE MACRO marketing(since, until, source, seed) AS TABLE
WITH hashed AS (
    SELECT d::DATE AS day, *, md5_number_lower(concat_ws('|', seed, source, d::DATE, campaign, country, device)) AS h
    FROM generate_series(since, until, INTERVAL 1 DAY) AS days(d), campaigns, countries, devices
), shown AS (
    SELECT *, (h % 1000)::INTEGER / 1000 AS a, ((h // 1000) % 1000)::INTEGER / 1000 AS b,
        ((h // 1000000) % 1000)::INTEGER / 1000 AS c,
        (900 * weight * size * share * (0.75 + 0.5 * ((h % 1000)::INTEGER / 1000))
            * CASE WHEN dayofweek(d::DATE) IN (0, 6) THEN 0.7 ELSE 1 END
            * (1 + 0.25 * cos(6.2832 * dayofyear(d::DATE) / 365.25)))::BIGINT AS impressions
    FROM (SELECT *, day AS d FROM hashed)
), clicked AS (
    SELECT *, round(impressions * ctr * (0.7 + 0.6 * b))::BIGINT AS clicks FROM shown
)
SELECT day, campaign, country, device, market, impressions, clicks,
    round(clicks * cpc * (0.8 + 0.4 * c), 2) AS cost, round(clicks * cvr * (0.5 + a))::BIGINT AS conversions,
    round(round(clicks * cvr * (0.5 + a)) * (18 + 40 * b), 2) AS revenue, round(clicks * 0.86)::BIGINT AS users,
    round(clicks * (1.5 + 2 * c))::BIGINT AS views
FROM clicked
"""
_NUMBERS = """
CREATE MACRO numbers(count) AS TABLE
SELECT n, ['harbour', 'señal', 'бумага', '海', '🔥 hot', 'plain', '=SUM(1+1)', 'ملف'][1 + n % 8] AS word,
    9007199254740993 + n AS big, printf('row %07d', n) AS text, n % 10 AS residue
FROM range(count) AS rows(n)
"""


class MarketingDatabase:
    """The database behind the sources. Safe to use from several threads; each execution has its own cursor."""

    def __init__(self, config: SandboxConfig, temporary: Path) -> None:
        self._seed = config.seed
        self._seconds = config.limits.query_seconds
        self._database = _opened(temporary, config.limits)

    def prepare(self, asked: ResolvedQuery) -> Execution:
        """Prepare to execute a query."""
        cursor = self._database.cursor()
        return Execution(cursor, asked, self._seed, self._seconds)

    def close(self) -> None:
        """Release the database; executions under way end with an error."""
        self._database.close()


def _opened(temporary: Path, limits: Limits) -> duckdb.DuckDBPyConnection:
    """A database that knows the two relations, and can do nothing to the outside but spill into ``temporary``."""
    temporary.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        "threads": limits.threads,
        "memory_limit": limits.memory,
        "temp_directory": str(temporary),
        "max_temp_directory_size": "4GB",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    database = duckdb.connect(config=settings)
    database.execute(_TABLES)
    for table, rows in (
        ("campaigns", _CAMPAIGNS),
        ("countries", _COUNTRIES),
        ("devices", _DEVICES),
    ):
        marks = ", ".join("?" * len(rows[0]))
        insert = f"INSERT INTO {table} VALUES ({marks})"  # noqa: S608 - our own names
        database.executemany(insert, [list(row) for row in rows])
    database.execute(_MARKETING)
    database.execute(_NUMBERS)
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database
