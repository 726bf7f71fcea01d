"""Files that the server makes: the file itself, or an object that holds it or says where it is."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from email.message import Message
from itertools import chain
from typing import Any, Final

from queries.providers.answers import Response
from queries.providers.base import FileOptions, FileStream
from queries.providers.client import ApiCall, Client, StreamedResponse
from queries.providers.errors import (
    LimitExceededError,
    ProviderError,
    UnexpectedResponseError,
    clean_text,
)
from queries.providers.links import resolve_link
from queries.providers.saf.failures import Step, error_for_response, error_in_body
from queries.providers.saf.fields import LABEL
from queries.providers.saf.requests import file_body
from queries.providers.saf.scalars import first_present, parse_json

FORMATS: Final = ("json", "csv", "xlsx")
FILE_TOTAL_TIMEOUT = 1_800.0
FILE_READ_TIMEOUT = 300.0  # the file is made before its first byte
_CONTENTS = ("content", "file_content", "fileContent", "file", "base64")
_PLACES = ("url", "download_url", "downloadUrl", "link", "href", "path")
_ODD_IN_NAMES = re.compile(r"[^\w .()+,=@-]+")
_MAX_NAME_CHARACTERS = 120


def make_file(client: Client, path: str, options: FileOptions) -> FileStream:
    """Have a file made and give its bytes as they arrive."""
    made = FileOptions(
        options.format, safe_file_name(options.name), options.limit, options.zipped
    )
    reply = _asked(
        client,
        ApiCall(
            "POST",
            path,
            file_body(made),
            total_timeout=FILE_TOTAL_TIMEOUT,
            read_timeout=FILE_READ_TIMEOUT,
        ),
    )
    name = f"{made.name}.{made.format}" + (".zip" if made.zipped else "")
    try:
        if not _may_be_wrapped(reply):
            return FileStream(
                iter(reply), reply.close, name=_told_name(reply.headers) or name
            )
        return _unwrapped(client, reply, made, name)
    except BaseException:
        reply.close()
        raise


def safe_file_name(name: str) -> str:
    """Return a name that is one everywhere: no path, no quotes, not empty."""
    plain = _ODD_IN_NAMES.sub("_", clean_text(name, limit=_MAX_NAME_CHARACTERS)).strip(
        " ._"
    )
    return plain or "result"


def _asked(client: Client, call: ApiCall) -> StreamedResponse:
    reply = client.stream(call)
    if reply.is_error:
        try:
            raise error_for_response(Step.FILE, reply.read())
        finally:
            reply.close()
    return reply


def _may_be_wrapped(reply: StreamedResponse) -> bool:
    as_json = "json" in reply.headers.get("content-type", "")
    return (
        as_json
        and "attachment" not in reply.headers.get("content-disposition", "").lower()
    )


def _unwrapped(
    client: Client, reply: StreamedResponse, options: FileOptions, name: str
) -> FileStream:
    # Assumption: an object with one of these members stands for the file; any other JSON is the file itself.
    is_json = options.format == "json" and not options.zipped
    pieces = iter(reply)
    head, ended = _head(pieces, client.policy.max_response_bytes)
    if not ended and not is_json:
        raise LimitExceededError(
            "The file came inside a JSON answer that is larger than we accept."
        )
    found = _object(head) if ended else {}
    content, place = first_present(found, _CONTENTS), first_present(found, _PLACES)
    if isinstance(content, str):
        reply.close()
        return FileStream(iter([_content(content)]), lambda: None, name=name)
    if isinstance(place, str):
        reply.close()
        return _elsewhere(client, place, name)
    if found.get("error") is not None:
        raise _failure(client, reply, head)
    if not is_json:
        raise UnexpectedResponseError(
            "The answer is JSON, but neither a file nor where one is."
        )
    return FileStream(chain([head], pieces), reply.close, name=name)


def _head(pieces: Iterator[bytes], max_bytes: int) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > max_bytes:
            return b"".join(parts), False
    return b"".join(parts), True


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        value = parse_json(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _failure(client: Client, reply: StreamedResponse, body: bytes) -> ProviderError:
    text = client.redact(body.decode("utf-8", "replace"))
    redacted = Response(reply.status, reply.headers, text.encode())
    return error_in_body(Step.FILE, redacted, _object(redacted.body).get("error"))


def _content(text: str) -> bytes:
    """Return the bytes that a text stands for: base64 if it is that, else the text. CSV and JSON never look like it."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "replace")


def _elsewhere(client: Client, place: str, name: str) -> FileStream:
    """Fetch the file from where the server says it is, which must be on the server itself."""
    link = resolve_link(place, client.origin, LABEL)
    call = ApiCall(
        "GET",
        link.path,
        query=link.query,
        total_timeout=FILE_TOTAL_TIMEOUT,
        read_timeout=FILE_READ_TIMEOUT,
    )
    reply = _asked(client, call)
    return FileStream(iter(reply), reply.close, name=_told_name(reply.headers) or name)


def _told_name(headers: Mapping[str, str]) -> str:
    """Return the name in Content-Disposition (RFC 6266), as a plain one; "" if there is none."""
    header = Message()
    header["Content-Disposition"] = (
        headers.get("content-disposition", "").replace("\n", " ").replace("\r", " ")
    )
    told = header.get_filename()
    return safe_file_name(told) if told else ""
