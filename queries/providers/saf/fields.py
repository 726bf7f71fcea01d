"""What is asked for on a connection to a server of Search Anywhere Framework and on a run there."""

from __future__ import annotations

from queries.providers.base import Field, FieldCondition

LABEL = "Search Anywhere Framework"

BASIC, BEARER, API_KEY = "basic", "bearer", "apikey"
CHOSEN_RANGE, DATE_MATH = "chosen", "date_math"
EXECUTION_COST_LEVELS = ("OFF", "INFO", "DEBUG")

CONNECTION_FIELDS = (
    Field(
        "address",
        "Address",
        kind="url",
        required=True,
        help="Where your server answers, with the path in front of its API if it has one: "
        "https://saf.example.com:9200 or https://saf.example.com/opensearch. The administrator has to allow its host "
        "(QUERYDECK_UPSTREAM_HOSTS).",
    ),
    Field(
        "auth",
        "Authentication",
        kind="choice",
        choices=(
            (BASIC, "User name and password"),
            (BEARER, "Bearer token"),
            (API_KEY, "API key"),
        ),
        default=BASIC,
        required=True,
    ),
    Field("user", "User name", required=True, when=FieldCondition("auth", (BASIC,))),
    Field(
        "ca_certificate",
        "Certificate authority",
        rows=8,
        advanced=True,
        help="If the server's certificate comes from an authority of your own, paste that authority's certificate as "
        "PEM text; only it is trusted then. Left empty, the system's authorities are. Certificates are always "
        "verified.",
    ),
)

_BY_MATH = FieldCondition("time_source", (DATE_MATH,))

QUERY_FIELDS = (
    Field(
        "time_field",
        "Time field",
        help="The field that holds an event's time, such as @timestamp. Left empty, it is the server's default.",
    ),
    Field(
        "calculate_stats",
        "Timeline and fields",
        kind="boolean",
        default=False,
        help="Also count events over time, and the values of each field.",
    ),
    Field(
        "execution_cost",
        "Execution cost",
        kind="choice",
        choices=(
            ("OFF", "Not measured"),
            ("INFO", "Summary"),
            ("DEBUG", "Every detail"),
        ),
        default="OFF",
        help="What the query took on the server.",
    ),
    Field(
        "time_source",
        "Range comes from",
        kind="choice",
        choices=((CHOSEN_RANGE, "The time range chosen"), (DATE_MATH, "Date math")),
        default=CHOSEN_RANGE,
        advanced=True,
    ),
    Field(
        "start_math",
        "From",
        advanced=True,
        when=_BY_MATH,
        help="Date math, such as now-1d, now-7d/d or 2022-05-18||/M. Left empty, it is the server's default.",
    ),
    Field(
        "end_math",
        "To",
        advanced=True,
        when=_BY_MATH,
        help="Date math, such as now. Left empty, it is the server's default.",
    ),
)
