"""The data sources there are: their fields, accounts, logins and segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class SourceField(NamedTuple):
    """A dimension or metric. ``sql`` of a metric has ``{f}`` where a FILTER may stand."""

    id: str
    name: str
    sql: str
    group: str
    kind: str = "dim"
    data_type: str = "string.text.value"


class Account(NamedTuple):
    """What a login can read."""

    id: str
    name: str
    group: str


@dataclass(frozen=True)
class DataSource:
    """One source. ``relation`` is the name of the rows it reads (see ``facts``)."""

    id: str
    name: str
    category: str
    relation: str
    fields: tuple[SourceField, ...]
    accounts: tuple[Account, ...]
    login: str = "demo@sandbox.example"
    segments: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    report_types: Mapping[str, str] = field(default_factory=dict)

    def find(self, field_id: str) -> SourceField | None:
        """A field by its id, in whatever case."""
        wanted = field_id.strip().lower()
        return next((f for f in self.fields if f.id.lower() == wanted), None)


_DATE, _NUMBER, _MONEY, _SHARE = (
    "string.time.date",
    "int.number.value",
    "float.currency.value",
    "float.number.ratio",
)


def _metric(id: str, name: str, sql: str, data_type: str = _NUMBER) -> SourceField:  # noqa: A002 - its name everywhere
    return SourceField(id, name, sql, "PERFORMANCE", "met", data_type)


def _time(date_id: str, month_id: str) -> tuple[SourceField, ...]:
    return (
        SourceField(
            date_id, "Date", "strftime(day, '%Y-%m-%d')", "TIME", data_type=_DATE
        ),
        SourceField("year", "Year", "strftime(day, '%Y')", "TIME", data_type="string.time.year"),
        SourceField(month_id, "Year & month", "strftime(day, '%Y|%m')", "TIME", data_type="string.time.year_month"),
        SourceField("day_of_week", "Day of week", "strftime(day, '%w %A')", "TIME", data_type="string.time.weekday"),
    )  # fmt: skip


def _where(campaign: str, device: str) -> tuple[SourceField, ...]:
    return (
        SourceField("profile", "Account", "account_name", "ACCOUNT"),
        SourceField("profileID", "Account ID", "account_id", "ACCOUNT"),
        SourceField(campaign, "Campaign name", "campaign", "CAMPAIGN"),
        SourceField("country", "Country", "country", "GEO"),
        SourceField(device, "Device", "device", "DEVICE"),
    )


_ADS = (
    _metric("impressions", "Impressions", "(sum(impressions){f})::BIGINT"),
    _metric("clicks", "Clicks", "(sum(clicks){f})::BIGINT"),
    _metric("cost", "Cost", "round(sum(cost){f}, 2)", _MONEY),
    _metric("conversions", "Conversions", "(sum(conversions){f})::BIGINT"),
    _metric("revenue", "Revenue", "round(sum(revenue){f}, 2)", _MONEY),
    _metric("ctr", "CTR", "round(sum(clicks){f} / nullif(sum(impressions){f}, 0), 6)", _SHARE),
    _metric("cpc", "CPC", "round(sum(cost){f} / nullif(sum(clicks){f}, 0), 4)", _MONEY),
)  # fmt: skip
_VISITS = (
    _metric("sessions", "Sessions", "(sum(clicks){f})::BIGINT"),
    _metric("totalUsers", "Total users", "(sum(users){f})::BIGINT"),
    _metric("screenPageViews", "Views", "(sum(views){f})::BIGINT"),
    _metric("conversions", "Conversions", "(sum(conversions){f})::BIGINT"),
    _metric("totalRevenue", "Total revenue", "round(sum(revenue){f}, 2)", _MONEY),
)
_NUMBERS = (
    SourceField("n", "Number", "n", "NUMBERS", data_type=_NUMBER),
    SourceField("word", "Word", "word", "NUMBERS"),
    SourceField("big", "Beyond 2^53", "big", "NUMBERS", data_type=_NUMBER),
    SourceField("text", "Text", "text", "NUMBERS"),
    SourceField("residue", "Residue", "residue", "NUMBERS"),
    _metric("total", "Total", "(sum(n){f})::BIGINT"),
    _metric("count", "Count", "count(*){f}"),
)

SOURCES: Mapping[str, DataSource] = {
    source.id: source
    for source in (
        DataSource(
            "AW",
            "Google Ads",
            "Paid search",
            "marketing",
            (*_time("Date", "Yearmonth"), *_where("Campaignname", "Device"), *_ADS),
            (
                Account("111-222-3333", "Harbour Coffee EU", "Harbour Coffee"),
                Account("444-555-6666", "Harbour Coffee US", "Harbour Coffee"),
            ),
            report_types={"AdPerformance": "Ads", "SearchTerms": "Search terms"},
        ),
        DataSource(
            "GAWA",
            "Google Analytics 4",
            "Web analytics",
            "marketing",
            (*_time("date", "year_month"), *_where("sessionCampaignName", "deviceCategory"), *_VISITS),
            (
                Account("280001", "harbour.example (EU)", "Harbour Coffee"),
                Account("280002", "harbour.example (US)", "Harbour Coffee"),
            ),
            segments={"mobile": ("Mobile traffic", "device = 'Mobile'"), "nordics": ("Nordics", "country IN ('Finland', 'Sweden')")},
        ),
        DataSource(
            "FA",
            "Facebook Ads",
            "Paid social",
            "marketing",
            (*_time("Date", "year_month"), *_where("adcampaign_name", "impression_device"), *_ADS),
            (Account("act_9001", "Harbour Coffee social", ""),),
        ),
        DataSource(
            "NUM",
            "Numbers (sandbox)",
            "Sandbox",
            "numbers",
            _NUMBERS,
            tuple(Account(str(10**n), f"{10**n:,} rows", "") for n in range(1, 7)),
        ),
    )
}  # fmt: skip
