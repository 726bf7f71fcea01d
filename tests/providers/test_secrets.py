"""A key put into every answer appears nowhere."""

from __future__ import annotations

import json
import logging
import threading
import traceback

import pytest

from queries.providers.errors import (
    ProviderError,
)
from tests.providers.keys import CANARY
from tests.providers.provider_harness import every_call
from tests.scripted_server import CUT, STALL, Reply, gzip_reply, json_reply

ECHOES = {
    "401": json_reply(
        {"message": f"bad key {CANARY}"}, 401, X_Request_ID=CANARY, X_Echo=CANARY
    ),
    "403 text": Reply(403, f"Bearer {CANARY} may not".encode()),
    "429": json_reply({"error": {"message": CANARY, "code": CANARY}}, 429),
    "500 gzip": Reply(
        500,
        headers={"Content-Encoding": "gzip"},
        body=gzip_reply(f"boom {CANARY}".encode()).body,
    ),
    "redirect": Reply(
        302, headers={"Location": f"https://evil.example.com/?key={CANARY}"}
    ),
    "text": Reply(body=f"bad {CANARY}".encode()),
    "error line": json_reply({"error": {"message": f"{CANARY} broke", "code": CANARY}}),
    "status": json_reply(
        {
            "terminated": {"error": {"failed": {"reason": CANARY}}},
            "warnings": [{"compileWarning": {"warningMessage": CANARY}}],
        }
    ),
    "cut": Reply(parts=[b'{"queryId":', CUT]),
    "no http": Reply(raw=[f"{CANARY}\r\n\r\n".encode()]),
    "odd header": Reply(raw=[f"HTTP/1.1 200 OK\r\n{CANARY}\r\n\r\n".encode()]),
    "break": Reply(raw=[CUT]),
    "timeout": Reply(raw=[STALL]),
    "good id": json_reply({"queryId": {"queryId": CANARY}}),
}


@every_call
@pytest.mark.parametrize("echo", ECHOES)
def test_the_key_appears_nowhere(stage, call, echo, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "httpcore.connection", "httpcore.http11"):
        caplog.set_level(logging.DEBUG, logger=name)
    stage.reply_with(ECHOES[echo])
    provider = stage.provider(
        read_timeout=0.05, total_timeout=0.05 if echo == "timeout" else 5
    )
    if echo == "timeout":
        threading.Timer(0.05, provider.abort).start()
    seen = [repr(provider), str(vars(provider)), str(vars(provider.client))]
    try:
        seen.append(repr(stage.adapter.calls[call](provider)))
    except ProviderError as error:
        seen += [str(error), repr(error), json.dumps(error.as_dict()), str(vars(error))]
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        seen.append("".join(shown.format()))
    seen += [record.getMessage() for record in caplog.records]
    assert any("httpcore" in record.name for record in caplog.records)
    leaks = [text for text in seen if CANARY in text]
    assert leaks == []
