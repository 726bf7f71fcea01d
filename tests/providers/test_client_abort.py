"""Hanging up: a call ends at once, from whichever thread it is asked."""

from __future__ import annotations

import threading
import time

import pytest

from queries.providers.client import ApiCall
from queries.providers.errors import (
    CallStoppedError,
)
from tests.scripted_server import STALL, Reply, json_reply

GET = ApiCall("GET", "/x")
POST = ApiCall("POST", "/x", {"query": "ünï"})


def test_hanging_up_from_another_thread_ends_a_waiting_call_at_once(client, upstream):
    arrived = threading.Event()
    upstream.on("/x", Reply(parts=[b"first", arrived.set, STALL]))
    pieces = iter(client.stream(GET))
    assert next(pieces) == b"first"
    threading.Thread(target=lambda: arrived.wait(5) and client.abort()).start()
    began = time.monotonic()
    with pytest.raises(CallStoppedError):
        next(pieces)
    assert time.monotonic() - began < 5


def test_hanging_up_is_not_mistaken_for_the_end_of_an_answer_without_length(
    client, upstream
):
    upstream.on("/x", Reply(parts=[b"first", STALL], chunked=False))
    pieces = iter(client.stream(GET))
    assert next(pieces) == b"first"
    client.abort()
    with pytest.raises(CallStoppedError):
        next(pieces)


def test_hanging_up_while_the_answer_is_awaited(client, upstream):
    upstream.on("/x", lambda _request: (client.abort(), Reply(raw=[STALL]))[1])
    with pytest.raises(CallStoppedError) as stopped:
        client.send(POST)
    assert stopped.value.may_have_been_received


def test_after_hanging_up_nothing_is_sent_any_more(client, upstream):
    upstream.on("/x", json_reply({}))
    client.send(GET)
    client.abort()
    for _ in range(2):
        with pytest.raises(CallStoppedError):
            client.send(GET)
    assert len(upstream.requests) == 1


def test_a_pause_between_calls_ends_when_somebody_hangs_up(client):
    client.pause(0.001)
    threading.Timer(0.05, client.abort).start()
    began = time.monotonic()
    with pytest.raises(CallStoppedError):
        client.pause(60)
    assert time.monotonic() - began < 5
