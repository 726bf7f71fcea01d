"""What is asked for on a connection to Coralogix and on a run there."""

from __future__ import annotations

from queries.providers.base import Field
from queries.providers.coralogix import regions

FREQUENT = "TIER_FREQUENT_SEARCH"
ARCHIVE = "TIER_ARCHIVE"
DATAPRIME = "QUERY_SYNTAX_DATAPRIME"
LUCENE = "QUERY_SYNTAX_LUCENE"

# Coralogix docs, "Limitations": rows of a direct query, by tier; the default without a limit; background rows.
MAX_ROWS = {FREQUENT: 15_000, ARCHIVE: 50_000}
DEFAULT_ROWS = 2_000
MAX_BACKGROUND_ROWS = 1_000_000
# PagerDuty's description of its Coralogix action, and the same figure in IBM's documents of the same engine.
MAX_FREQUENT_HOURS = 192

TIER_LABELS = {FREQUENT: "Frequent Search", ARCHIVE: "All Logs (archive)"}
SYNTAX_LABELS = {DATAPRIME: "DataPrime", LUCENE: "Lucene"}

# What a reader of logs looks for first, in the usual layouts (plain, Kubernetes, OpenTelemetry), and ids of no interest.
LEADING_COLUMNS = (
    "$m.timestamp",
    "$m.severity",
    "$l.applicationname",
    "$l.subsystemname",
    "$d",
    "$d.message",
    "$d.msg",
    "$d.log",
    "$d.text",
    "$d.logRecord.body",
)
TRAILING_COLUMNS = (
    "$m.branchid",
    "$m.logid",
    "$m.logindex",
    "$m.priorityclass",
    "$m.templateid",
)

CONNECTION_FIELDS = (
    Field(
        "region",
        "Region",
        kind="choice",
        choices=regions.choices(),
        default="eu1",
        required=True,
        help="The region your team is in: the end of the address you see when you are signed in to Coralogix.",
    ),
    Field(
        "endpoint",
        "Address",
        kind="url",
        help="Only for another address, such as a private link. The administrator has to allow its host.",
    ),
)

QUERY_FIELDS = (
    Field(
        "syntax",
        "Language",
        kind="choice",
        choices=tuple(SYNTAX_LABELS.items()),
        default=DATAPRIME,
        required=True,
    ),
    Field(
        "tier",
        "Tier",
        kind="choice",
        choices=tuple(TIER_LABELS.items()),
        default=FREQUENT,
        modes=("direct",),
        help="Frequent Search is fast and holds recent high-priority data only. All Logs holds everything, but for the "
        "newest minutes. Background queries always read All Logs.",
    ),
    Field(
        "limit",
        "Row limit",
        kind="integer",
        modes=("direct",),
        help=f"Left empty, Coralogix returns {DEFAULT_ROWS:,} rows at most. It can return up to "
        f"{MAX_ROWS[FREQUENT]:,} from Frequent Search and {MAX_ROWS[ARCHIVE]:,} from All Logs.",
    ),
    Field(
        "default_source",
        "Default source",
        modes=("direct",),
        advanced=True,
        help="For example logs or spans. Left empty, it is logs.",
    ),
    Field(
        "strict_fields_validation",
        "Strict fields",
        kind="boolean",
        default=False,
        modes=("direct",),
        advanced=True,
        help="A field that does not exist is then an error instead of a warning.",
    ),
    Field(
        "now_date",
        "Override now()",
        kind="datetime",
        advanced=True,
        help="Left empty, it is the moment the query runs.",
    ),
)
