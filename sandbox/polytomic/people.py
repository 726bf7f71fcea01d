"""Whose key is whose, and what is connected. Forms: Polytomic's Python client; content invented."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.config import DEMO_KEY, LIMITED_KEY, OTHER_TENANT_KEY

RETRY_AFTER_SECONDS = 90
COLLEAGUE_KEY = "sandbox-colleague-key"
EMPTY_KEY = "sandbox-empty-key"
PARTNER_KEY = "sandbox-partner-key"
ORGANISATION_USER = "sandbox-shop"
ORGANISATION_KEY = "sandbox-organisation-key"

WAREHOUSE = "248df4b7-aa70-47b8-a036-33ac447e668d"
LAKE = "5c1f8a4e-7b0d-4f6a-9a51-0d2b8e3c7f10"
OLD_REPORTS = "9b6e2d31-4c58-4e0f-8d27-6f1a3b5c9e42"
CRM = "c3a7f5d2-1e94-4b6c-b0f8-2d4e6a8c0b53"
NEIGHBOURS = "e8d1b6a9-3f72-4d05-a4c6-7b9d1f3e5a64"


@dataclass(frozen=True)
class Connection:
    """One thing that is connected. ``trouble`` fails every query, ``limited`` turns every one away."""

    id: str
    name: str
    kind: tuple[str, str]
    failure: str = ""
    rate_limited: bool = False


@dataclass(frozen=True)
class Organisation:
    """Who the keys belong to. Without connections the list of them is null."""

    id: str
    name: str
    connections: tuple[Connection, ...] = ()


@dataclass(frozen=True)
class Caller:
    """Whom a key stands for. ``only`` restricts it to some connections."""

    id: str
    organisation: Organisation
    email: str = ""
    kind: Literal["user", "organization", "partner"] = "user"
    allowed_connections: tuple[str, ...] | None = field(default=None)

    def profile(self) -> dict[str, Any]:
        """What GET /api/me says."""
        said: dict[str, Any] = {
            "email": self.email,
            "organization_id": self.organisation.id,
            "organization_name": self.organisation.name,
            "is_user": self.kind == "user",
            "is_organization": self.kind == "organization",
            "is_partner": self.kind == "partner",
            "is_system": False,
            "role": "member",
            "credential": {
                "method": "api_key",
                "mode": self.kind,
                "api_key_profile": self._profile(),
            },
        }
        return ({"id": self.id} if self.kind == "user" else {}) | said

    def _profile(self) -> dict[str, Any] | None:
        if self.allowed_connections is None:
            return None
        capabilities = {"query": {"connection_ids": list(self.allowed_connections)}}
        return {
            "id": "5f0c7a52-9d3e-4b18-8c64-1a2b3c4d5e6f",
            "name": "Warehouse only",
            "kind": "scoped",
            "description": "",
            "capabilities": capabilities,
        }


SHOP = Organisation(
    "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
    "Sandbox Shop",
    (
        Connection(WAREHOUSE, "Shop warehouse", ("postgresql", "PostgreSQL")),
        Connection(LAKE, "Shop lake", ("snowflake", "Snowflake")),
        Connection(
            OLD_REPORTS,
            "Old reports",
            ("mysql", "MySQL"),
            failure='could not connect: password authentication failed for user "reports"',
        ),
        Connection(
            CRM, "Customer relations", ("salesforce", "Salesforce"), rate_limited=True
        ),
    ),
)
NEIGHBOUR = Organisation(
    "1b2c3d4e-5f6a-4b7c-8d9e-0f1a2b3c4d5e",
    "Sandbox Neighbour",
    (Connection(NEIGHBOURS, "Neighbour's warehouse", ("postgresql", "PostgreSQL")),),
)
NEWCOMER = Organisation("2c3d4e5f-6a7b-4c8d-9e0f-1a2b3c4d5e6f", "Sandbox Newcomer")

CALLERS_BY_BEARER: Mapping[str, Caller] = {
    DEMO_KEY: Caller("a1111111-0000-4000-8000-000000000001", SHOP, "demo@shop.example"),
    COLLEAGUE_KEY: Caller("a1111111-0000-4000-8000-000000000002", SHOP, "colleague@shop.example"),
    LIMITED_KEY: Caller("a1111111-0000-4000-8000-000000000003", SHOP, "limited@shop.example", allowed_connections=(WAREHOUSE,)),
    OTHER_TENANT_KEY: Caller("a1111111-0000-4000-8000-000000000004", NEIGHBOUR, "neighbour@elsewhere.example"),
    EMPTY_KEY: Caller("a1111111-0000-4000-8000-000000000005", NEWCOMER, "new@newcomer.example"),
    PARTNER_KEY: Caller("partner", SHOP, kind="partner"),
}  # fmt: skip
CALLERS_BY_BASIC: Mapping[tuple[str, str], Caller] = {
    (ORGANISATION_USER, ORGANISATION_KEY): Caller("organisation", SHOP, kind="organization"),
}  # fmt: skip
