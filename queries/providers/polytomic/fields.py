"""What is asked for on a connection to Polytomic and on a run there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from queries.providers.base import Field

HOST: Final = "app.polytomic.com"
ADDRESS: Final = f"https://{HOST}"
BEARER: Final = "bearer"
BASIC: Final = "basic"
# Polytomic docs, "Versioning": the newest first. The Python client pins the newest, too.
API_VERSIONS: Final = (
    "2025-09-18",
    "2024-02-08",
    "2023-04-25",
    "2022-12-12",
    "2021-05-23",
)
CONNECTIONS: Final = "connection"  # the one kind of list to pick from
CONNECTION_ID: Final = "connection_id"

CONNECTION_FIELDS = (
    Field(
        "endpoint",
        "Address",
        kind="url",
        default=ADDRESS,
        required=True,
        help="Change it for a Polytomic of your own only. The administrator has to allow its host.",
    ),
    Field(
        "auth_kind",
        "Kind of key",
        kind="choice",
        choices=(
            (BEARER, "User key (Bearer)"),
            (BASIC, "Organisation key (Basic)"),
        ),
        default=BEARER,
        required=True,
        help="A user key belongs to one person. An organisation key belongs to the organisation and travels with a user "
        "name. Only the key that started a query can read its result.",
    ),
    Field(
        "user_name",
        "User name of the organisation key",
        help="For an organisation key only. Left empty, the key is sent as it is.",
    ),
    Field(
        CONNECTION_ID,
        "Connection in Polytomic to begin with",
        help="The id of the database or application that new runs are for; each run may choose another.",
        advanced=True,
    ),
    Field(
        "api_version",
        "Interface version",
        kind="choice",
        choices=tuple((version, version) for version in API_VERSIONS),
        default=API_VERSIONS[0],
        required=True,
        advanced=True,
        help="Sent with every call, so that nothing changes when Polytomic brings out a new one.",
    ),
    Field(
        "query_in_body",
        "Send queries in the body",
        kind="boolean",
        default=False,
        advanced=True,
        help="Polytomic documents the query as part of the address, where servers in between may log it. Long queries "
        "always travel in the body.",
    ),
)

QUERY_FIELDS = (
    Field(
        CONNECTION_ID,
        "Connection in Polytomic",
        required=True,
        catalog=CONNECTIONS,
        help="The database or application the query is for. It decides the language: SQL for most, SOQL for Salesforce.",
    ),
)


def api_version(options: Mapping[str, Any]) -> str:
    """Return the version to ask for: the chosen one, the newest if it is none that we know."""
    chosen = options.get("api_version")
    return chosen if chosen in API_VERSIONS else API_VERSIONS[0]
