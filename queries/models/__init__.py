"""The rows that are the truth: one module per family."""

from __future__ import annotations

from queries.models.connections import Connection
from queries.models.exports import Export
from queries.models.leases import Heartbeat, PumpSlot, RateBucket, lease_free
from queries.models.runs import ACTIVE, INLINE, ResultPart, ResultSet, Run, Status
from queries.models.saved_queries import Mode, SavedQuery
from queries.models.teams import Invitation, Membership, Role, Team
from queries.models.users import SignInLink, User

__all__ = [
    "ACTIVE",
    "INLINE",
    "Connection",
    "Export",
    "Heartbeat",
    "Invitation",
    "Membership",
    "Mode",
    "PumpSlot",
    "RateBucket",
    "ResultPart",
    "ResultSet",
    "Role",
    "Run",
    "SavedQuery",
    "SignInLink",
    "Status",
    "Team",
    "User",
    "lease_free",
]
