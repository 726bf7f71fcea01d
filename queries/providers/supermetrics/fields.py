"""What is asked for on a connection to Supermetrics and on a run there."""

from __future__ import annotations

from queries.providers.base import Field, FieldCondition

LABEL = "Supermetrics"
# Supermetrics docs and its n8n node use /enterprise/v2, its published OpenAPI document /v2.
DEFAULT_BASE_URL = "https://api.supermetrics.com/enterprise/v2"

FORM = "form"
JSON = "json"

CUSTOM = "custom"
NO_RANGE = "none"
DEFAULT_RANGE = "last_x_days"
DEFAULT_COUNT = 30
DEFAULT_SYNC_WAIT = 20
MAX_SYNC_WAIT = 120
MAX_ROWS = 1_000_000
MAX_COLUMNS = 1_000
MAX_CACHE_MINUTES = 10_080

# Supermetrics docs, "Date range types": x is a number; those without "including" end with the last full day, week,
# month or year.
_COUNTED = (
    ("days", "days"),
    ("weeks_sun_sat", "weeks, Sunday to Saturday"),
    ("weeks_mon_sun", "weeks, Monday to Sunday"),
    ("months", "months"),
    ("years", "years"),
)
DATE_RANGES = (
    *((f"last_x_{unit}", f"Last … {words}") for unit, words in _COUNTED),
    *((f"last_x_{unit}_inc", f"Last … {words}, and this one so far") for unit, words in _COUNTED),
    ("today", "Today"),
    ("yesterday", "Yesterday"),
    ("last_week_sun_sat", "Last week, Sunday to Saturday"),
    ("last_week_mon_sun", "Last week, Monday to Sunday"),
    ("this_month", "This month until yesterday"),
    ("this_month_inc", "This month until today"),
    ("last_month", "Last month"),
    ("this_year_inc", "This year until today"),
    ("last_year", "Last year"),
    ("last_year_inc", "Last year until today"),
    (CUSTOM, "Between two dates"),
    (NO_RANGE, "No dates (for sources without any)"),
)  # fmt: skip
# Supermetrics docs, "Date comparison".
COMPARISONS = (
    ("none", "Nothing"),
    ("prev_range", "The period before, of the same length"),
    ("prev_year", "The same period a year ago"),
    ("prev_year_weekday", "The same period a year ago, by day of the week"),
    (CUSTOM, "Between two other dates"),
)
COMPARISON_VALUES = (
    ("perc_change", "Change in per cent"),
    ("abs_change", "Change in numbers"),
    ("value", "The other period's value"),
)

CONNECTION_FIELDS = (
    Field(
        "base_url",
        "Address",
        kind="url",
        default=DEFAULT_BASE_URL,
        help="Where the API is. Some licences use https://api.supermetrics.com/v2. "
        "The administrator has to allow any other host.",
    ),
    Field(
        "team_id",
        "Team id",
        advanced=True,
        help="Only needed to pick report types from a list. Supermetrics shows it in the team's settings.",
    ),
)

_BY_FORM = FieldCondition("input", (FORM,))
_COUNTED_RANGES = tuple(name for name, _label in DATE_RANGES if "_x_" in name)
_DATES = "YYYY-MM-DD, or words such as yesterday or -2 weeks."
QUERY_FIELDS = (
    Field(
        "input",
        "Write the query as",
        kind="choice",
        choices=((FORM, "A form"), (JSON, "JSON")),
        default=FORM,
        required=True,
    ),
    Field(
        "ds_id",
        "Data source",
        catalog="data_source",
        help="The id of the data source, such as AW (Google Ads), GAWA (Google Analytics 4) or FA (Facebook Ads).",
        required=True,
        when=_BY_FORM,
    ),
    Field(
        "ds_accounts",
        "Accounts",
        catalog="account",
        catalog_parent="ds_id",
        multiple=True,
        help="Account ids, or a list of the team such as list.all_accounts. Some sources have no accounts.",
        when=_BY_FORM,
    ),
    Field(
        "fields",
        "Fields",
        catalog="field",
        catalog_parent="ds_id",
        multiple=True,
        help="Ids of dimensions and metrics, in the order of the columns. Up to 100.",
        required=True,
        when=_BY_FORM,
    ),
    Field(
        "date_range_type",
        "Dates",
        kind="choice",
        choices=DATE_RANGES,
        default=DEFAULT_RANGE,
        when=_BY_FORM,
    ),
    Field(
        "date_range_count",
        "How many",
        kind="integer",
        default=DEFAULT_COUNT,
        help="The number in “last … days” and the like.",
        when=FieldCondition("date_range_type", _COUNTED_RANGES),
    ),
    Field(
        "start_date",
        "From",
        help=f"For “between two dates”: {_DATES}",
        when=FieldCondition("date_range_type", (CUSTOM,)),
    ),
    Field(
        "end_date",
        "Until",
        help="The last day, as above. It may be in the future.",
        when=FieldCondition("date_range_type", (CUSTOM,)),
    ),
    Field(
        "filter",
        "Filter",
        rows=2,
        help="For example clicks > 10 AND campaign =@ brand. Operators: == != > >= < <=, for dimensions also "
        "=@ !@ (contains) and =~ !~ (pattern).",
        when=_BY_FORM,
    ),
    Field(
        "order_rows", "Order", help="For example clicks desc, date asc.", when=_BY_FORM
    ),
    Field(
        "max_rows",
        "Row limit",
        kind="integer",
        help=f"1 to {MAX_ROWS:,}. Left empty, Supermetrics' own limit holds.",
        when=_BY_FORM,
    ),
    Field(
        "ds_user",
        "Login",
        catalog="login",
        catalog_parent="ds_id",
        advanced=True,
        help="Use only this login at the data source.",
        when=_BY_FORM,
    ),
    Field(
        "ds_segments",
        "Segments",
        catalog="segment",
        catalog_parent="ds_id",
        multiple=True,
        advanced=True,
        when=_BY_FORM,
    ),
    Field(
        "report_type",
        "Report type",
        catalog="report_type",
        catalog_parent="ds_id",
        advanced=True,
        help="For sources that ask for one.",
        when=_BY_FORM,
    ),
    Field(
        "split_by",
        "Columns by",
        catalog="field",
        catalog_parent="ds_id",
        multiple=True,
        advanced=True,
        help="Dimensions whose values become columns instead of rows.",
        when=_BY_FORM,
    ),
    Field(
        "order_columns",
        "Order of these columns",
        advanced=True,
        help="For example clicks desc.",
        when=_BY_FORM,
    ),
    Field(
        "max_columns",
        "Most columns",
        kind="integer",
        advanced=True,
        help=f"1 to {MAX_COLUMNS:,}.",
        when=_BY_FORM,
    ),
    Field(
        "compare_type",
        "Compare with",
        kind="choice",
        choices=COMPARISONS,
        default="none",
        advanced=True,
        when=_BY_FORM,
    ),
    Field(
        "compare_show",
        "Show the comparison as",
        kind="choice",
        choices=COMPARISON_VALUES,
        default="perc_change",
        advanced=True,
        when=FieldCondition(
            "compare_type", tuple(name for name, _label in COMPARISONS[1:])
        ),
    ),
    Field(
        "compare_start_date",
        "Compare from",
        advanced=True,
        help=_DATES,
        when=FieldCondition("compare_type", (CUSTOM,)),
    ),
    Field(
        "compare_end_date",
        "Compare until",
        advanced=True,
        when=FieldCondition("compare_type", (CUSTOM,)),
    ),
    Field(
        "cache_minutes",
        "Oldest cached result (minutes)",
        kind="integer",
        advanced=True,
        help=f"0 to {MAX_CACHE_MINUTES:,}. 0 asks the data source anew.",
        when=_BY_FORM,
    ),
    Field(
        "settings",
        "Settings",
        advanced=True,
        rows=4,
        help='A JSON object with settings of the source, such as {"timezone": "Europe/Helsinki"}.',
        when=_BY_FORM,
    ),
    Field(
        "sync_timeout",
        "Wait for rows (seconds)",
        kind="integer",
        default=DEFAULT_SYNC_WAIT,
        modes=("direct",),
        advanced=True,
        help=f"1 to {MAX_SYNC_WAIT}. A query that takes longer goes on in the background.",
    ),
)
