"""Who may ask: a user with a password, a bearer token, or an API key; all three open with the sandbox's keys."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from sandbox.config import ARCHIVE_QUERY, LIMITED_KEY, ApiKey
from sandbox.saf.errors import ApiError, UnauthorizedError
from sandbox.web import Request

_OWN_NAMES = {LIMITED_KEY: "limited"}
READ, WRITE = "cluster:monitor/sme/async_requests", "cluster:admin/sme/async_requests"


class Access:
    """Checks requests against the keys of one sandbox."""

    def __init__(self, keys: Mapping[str, ApiKey]) -> None:
        self._keys = keys

    def authorize(self, request: Request, action: str) -> str:
        """The name of the user who asks, if they may do that; tasks belong to users."""
        key = self._key_of(request)
        user = self._name(key)
        if action == WRITE and ARCHIVE_QUERY not in self._keys[key].permissions:
            who = f"User [name={user}, backend_roles=[], requestedTenant=null]"
            raise ApiError(
                403, "security_exception", f"no permissions for [{action}] and {who}"
            )
        return user

    def _key_of(self, request: Request) -> str:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        name, key = "", given.strip()
        if scheme.lower() == "basic":
            name, _, key = _decoded(key).partition(":")
        elif scheme.lower() not in {"bearer", "apikey"}:
            raise UnauthorizedError
        if key not in self._keys or (
            scheme.lower() == "basic" and name != self._name(key)
        ):
            raise UnauthorizedError
        return key

    def _name(self, key: str) -> str:
        return _OWN_NAMES.get(key, self._keys[key].tenant)


def _decoded(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
