"""Queries to begin with: ordinary fields of widely used data sources, over all accounts of the team."""

from __future__ import annotations

from queries.providers.base import Sample
from queries.providers.supermetrics.fields import FORM, JSON

_EVERY_ACCOUNT = "list.all_accounts"

SAMPLES = (
    Sample(
        "Google Ads: cost by campaign",
        "",
        time_range="none",
        settings={
            "input": FORM,
            "ds_id": "AW",
            "ds_accounts": _EVERY_ACCOUNT,
            "fields": "Campaignname, Impressions, Clicks, Cost, Conversions",
            "date_range_type": "last_x_days",
            "date_range_count": 30,
            "order_rows": "Cost desc",
        },
    ),
    Sample(
        "Google Analytics 4: sessions by day",
        '{\n  "ds_id": "GAWA",\n  "ds_accounts": "list.all_accounts",\n  "date_range_type": "last_3_months",\n'
        '  "fields": "date, country, sessions, totalUsers",\n  "filter": "sessions > 0",\n'
        '  "order_rows": "date asc, sessions desc",\n  "max_rows": 50000\n}',
        mode="background",
        time_range="none",
        settings={"input": JSON},
    ),
    Sample(
        "Facebook Ads: clicks by month and device",
        "",
        mode="background",
        time_range="none",
        settings={
            "input": FORM,
            "ds_id": "FA",
            "ds_accounts": _EVERY_ACCOUNT,
            "fields": "year_month, impression_device, impressions, clicks, cost",
            "split_by": "impression_device",
            "date_range_type": "last_x_months",
            "date_range_count": 12,
            "order_rows": "year_month asc",
        },
    ),
)
