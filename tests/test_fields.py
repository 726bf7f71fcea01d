"""Sealed secrets: bound to row and origin, under the newest key, never returned as ciphertext."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from queries.fields import (
    SealError,
    fingerprint,
    is_sealed_with_newest_key,
    reseal,
    seal,
    unseal,
)

HERE = {"owner": "row 1", "origin": "https://api.eu1.coralogix.com"}


@pytest.fixture(autouse=True)
def keys(settings):
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    return settings.FIELD_KEYS


# FIELD_KEYS is the same for all examples of one test.
@given(st.text(min_size=1))
def test_what_was_sealed_is_unsealed(secret):
    assert unseal(seal(secret, **HERE), **HERE) == secret


def test_the_secret_is_not_in_the_token():
    token = seal("canary-secret", **HERE)
    assert "canary" not in token
    assert b"canary" not in base64.urlsafe_b64decode(token)


@pytest.mark.parametrize(
    "changed", [{"owner": "row 2"}, {"origin": "https://evil.example"}]
)
def test_a_token_moved_to_another_row_or_origin_opens_nothing(changed):
    token = seal("secret", **HERE)
    with pytest.raises(SealError, match="belongs to another"):
        unseal(token, **(HERE | changed))


def test_a_token_of_an_unknown_key_raises_instead_of_returning_it(settings):
    token = seal("secret", **HERE)
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    for attempt in (lambda: unseal(token, **HERE), lambda: reseal(token)):
        with pytest.raises(SealError, match="cannot be read") as caught:
            attempt()
        assert token not in str(caught.value)
        assert caught.value.__suppress_context__


@pytest.mark.parametrize("damage", ["", "no token", "gAAAAA"])
def test_a_damaged_token_opens_nothing(damage):
    with pytest.raises(SealError):
        unseal(damage, **HERE)
    assert not is_sealed_with_newest_key(damage)


def test_any_flipped_character_opens_nothing():
    token = seal("secret", **HERE)
    for at in range(10, len(token) - 4, 17):
        flipped = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(SealError):
            unseal(flipped, **HERE)


def test_a_token_of_another_version_opens_nothing(keys):
    payload = json.dumps({"v": 2, "secret": "s"} | HERE).encode()
    with pytest.raises(SealError):
        unseal(Fernet(keys[0]).encrypt(payload).decode(), **HERE)


def test_the_first_key_seals_and_all_open(settings, keys):
    old = seal("secret", **HERE)
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), keys[0]]
    assert not is_sealed_with_newest_key(old)
    assert unseal(old, **HERE) == "secret"
    new = reseal(old)
    assert is_sealed_with_newest_key(new)
    settings.FIELD_KEYS = settings.FIELD_KEYS[:1]
    assert unseal(new, **HERE) == "secret"


def test_a_fingerprint_tells_keys_apart_and_depends_on_the_installation(settings):
    assert fingerprint("one") == fingerprint("one") != fingerprint("two")
    before = fingerprint("one")
    settings.SECRET_KEY = "another installation's secret"
    assert fingerprint("one") != before
    assert len(before) == 64
