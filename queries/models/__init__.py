"""Database models, one module per family."""

from __future__ import annotations

from queries.models.connections import Connection
from queries.models.exports import Export
from queries.models.leases import Heartbeat, RateBucket, SchedulerLock, unleased
from queries.models.runs import (
    ACTIVE_STATUSES,
    INLINE_MODES,
    ResultPart,
    ResultSet,
    Run,
    Status,
)
from queries.models.saved_queries import Mode, SavedQuery
from queries.models.teams import Invitation, Membership, Role, Team
from queries.models.users import SignInLink, User

__all__ = [
    "ACTIVE_STATUSES",
    "INLINE_MODES",
    "Connection",
    "Export",
    "Heartbeat",
    "Invitation",
    "Membership",
    "Mode",
    "RateBucket",
    "ResultPart",
    "ResultSet",
    "Role",
    "Run",
    "SavedQuery",
    "SchedulerLock",
    "SignInLink",
    "Status",
    "Team",
    "User",
    "unleased",
]
