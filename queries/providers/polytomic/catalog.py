"""Who the key is, and which connections it may query: GET /api/me and GET /api/connections.

Their forms come from Polytomic's Python client.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from queries.providers.base import Choice, TestResult
from queries.providers.errors import clean_text

_HEALTHY = "healthy"
_MAX_LABEL_CHARACTERS = 200


def key_test_result(me: Mapping[str, Any], seconds: float, version: str) -> TestResult:
    """Say who the key is, in words, and whether it can query."""
    organisation = _text(me, "organization_name")
    of = f" of {organisation}" if organisation else ""
    if me.get("is_partner") is True:
        return TestResult(
            ok=False,
            message=f"The key works, but it is a partner key{of}: it manages organisations and users and cannot query.",
            error_code="permission_denied",
            remedy="Enter a user key or an organisation key.",
            permission="query",
        )
    return TestResult(
        ok=True,
        message=" ".join(
            (
                f"The key works: Polytomic answered in {seconds:.1f} s"
                + (f" as version {version}." if version else "."),
                _owner(me, of),
                *_restriction(me),
            )
        ),
    )


def allowed_ids(me: Mapping[str, Any]) -> list[str] | None:
    """Return the connections a restricted key may query; None: the key is not restricted."""
    found: Any = me
    for name in ("credential", "api_key_profile", "capabilities", "query"):
        found = found.get(name) if isinstance(found, dict) else None
    ids = found.get("connection_ids") if isinstance(found, dict) else None
    # Assumption: a list restricts the key to what is in it, an empty one to nothing; no list is no restriction.
    return (
        [item for item in ids if isinstance(item, str)]
        if isinstance(ids, list)
        else None
    )


def connection_choices(listed: object, allowed: list[str] | None) -> list[Choice]:
    """Return the connections to pick from, those that work first. `listed` may be null."""
    items = listed if isinstance(listed, list) else []
    found = {
        choice.value: choice
        for choice in map(_choice, (item for item in items if isinstance(item, dict)))
        if choice.value
    }
    if allowed is not None:
        # Assumption: a key may query what it cannot list; such a connection is offered by its id.
        found = {id_: found.get(id_, Choice(id_, id_)) for id_ in allowed}
    return sorted(
        found.values(),
        key=lambda choice: (not choice.enabled, choice.group, choice.label.casefold()),
    )


def _choice(item: Mapping[str, Any]) -> Choice:
    kind = item.get("type")
    group = _text(kind, "name") or _text(kind, "id") if isinstance(kind, dict) else ""
    note = _trouble(item)
    value = _text(item, "id")
    return Choice(
        value,
        _text(item, "name") or value,
        group=group,
        enabled=not note,
        note=note,
    )


def _trouble(item: Mapping[str, Any]) -> str:
    """Say why a connection cannot be used now, or ""."""
    status = _text(item, "status")
    # Assumption: every status but "healthy", the only one documented, means trouble; none at all means nothing.
    if status and status.lower() != _HEALTHY:
        reason = _text(item, "status_error")
        return f"{status}: {reason}" if reason else status
    limit = item.get("rate_limit")
    if not isinstance(limit, dict) or limit.get("currently_limited") is not True:
        return ""
    until = _moment(limit.get("expires_at"))
    return "rate-limited now" + (f", until {until:%Y-%m-%d %H:%M} UTC" if until else "")


def _owner(me: Mapping[str, Any], of: str) -> str:
    email = _text(me, "email")
    if me.get("is_organization") is True:
        return f"It is an organisation key{of}; it belongs to no person."
    if email:
        return f"It is the key of {email}{of}."
    return f"It is a key{of}." if of else "It does not say whose key it is."


def _restriction(me: Mapping[str, Any]) -> list[str]:
    ids = allowed_ids(me)
    if ids is None:
        return []
    many = "1 connection" if len(ids) == 1 else f"{len(ids):,} connections"
    return [f"It may query {many} only."]


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return (
        clean_text(value, limit=_MAX_LABEL_CHARACTERS) if isinstance(value, str) else ""
    )


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None
