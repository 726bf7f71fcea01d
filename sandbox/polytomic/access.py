"""Who may ask for what."""

from __future__ import annotations

import base64
import binascii

from sandbox.polytomic.errors import ApiError
from sandbox.polytomic.people import (
    CALLERS_BY_BASIC,
    CALLERS_BY_BEARER,
    Caller,
    Connection,
)
from sandbox.web import Request


def authenticate(request: Request) -> Caller:
    """Whose key the request carries: a user's as bearer, an organisation's as basic; 401 when it is unknown."""
    found = CALLERS_BY_BEARER.get(request.bearer) or CALLERS_BY_BASIC.get(
        _basic(request)
    )
    if found is None:
        raise ApiError(401, "unauthorized", "The API key is missing or not valid.")
    return found


def authenticate_for_query(request: Request) -> Caller:
    """A caller who may do more than look at organisations: partner keys may not."""
    caller = authenticate(request)
    if caller.kind == "partner":
        raise ApiError(
            403,
            "forbidden",
            "Partner keys have access to organizations and users only.",
        )
    return caller


def authorized_connection(caller: Caller, connection_id: str) -> Connection:
    """The connection, if it is there (404) and the key may query it (403)."""
    for connection in caller.organisation.connections:
        if connection.id != connection_id.lower():
            continue
        if (
            caller.allowed_connections is not None
            and connection.id not in caller.allowed_connections
        ):
            raise ApiError(
                403, "forbidden", "This API key may not query this connection."
            )
        return connection
    raise ApiError(404, "not_found", "Connection not found.")


def _basic(request: Request) -> tuple[str, str]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        text = base64.b64decode(token).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    user, _, password = text.partition(":")
    return user, password
