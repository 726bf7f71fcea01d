"""Follow a link of a response: on the connection's own origin only, and exactly as given."""

from __future__ import annotations

import re
from typing import NamedTuple

from queries.providers.addresses import parse_origin
from queries.providers.errors import AddressRefusedError

MAX_LINK_CHARACTERS = 8_000
# Plain characters only: no white space, no backslash, no fragment, nothing that two readers could read differently.
_LINK = re.compile(
    r"(?P<origin>[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?"
    r"(?P<path>/(?!/)[A-Za-z0-9._~%/-]*)"
    r"(\?(?P<query>[A-Za-z0-9._~%!$&'()*+,;=:@/?-]*))?"
)
_DOT_SEGMENT = re.compile(r"/(\.|%2e){1,2}(/|\Z)", re.IGNORECASE)


class Link(NamedTuple):
    """A link on the connection's own origin; the path and query of an `ApiCall`."""

    path: str
    query: str


def resolve_link(link: str, origin: str, label: str) -> Link:
    """Parse a link, host-relative ("/path?query") or absolute. The link itself is never repeated in a message.

    Raises AddressRefusedError (code "link_refused") if it leaves `origin`, goes up with "..", or is not a plain link.
    """
    found = _LINK.fullmatch(link) if len(link) <= MAX_LINK_CHARACTERS else None
    if found is None or _DOT_SEGMENT.search(found["path"]):
        raise _refusal(f"{label} gave a link that is not a plain address.", label)
    if found["origin"] is not None and _origin_of(found["origin"], label) != origin:
        raise _refusal(
            f"{label} gave a link that leads away from the connection's own address.",
            label,
        )
    return Link(found["path"], found["query"] or "")


def _origin_of(text: str, label: str) -> str:
    try:
        return str(parse_origin(text))
    except AddressRefusedError:
        raise _refusal(
            f"{label} gave a link that leads away from the connection's own address.",
            label,
        ) from None


def _refusal(message: str, label: str) -> AddressRefusedError:
    return AddressRefusedError(
        f"{message} It was not followed, so that the key stays here.",
        code="link_refused",
        title="A link was not followed",
        remedy=f"Check the connection's address; if it is right, tell {label}.",
        may_have_been_received=True,
    )
