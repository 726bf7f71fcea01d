"""How keys travel: schemes, user names and passwords, and what is blotted out of answers."""

from __future__ import annotations

import base64

import pytest

from queries.providers.credentials import (
    BasicAuthorization,
    BearerAuthorization,
    SchemeAuthorization,
    Secret,
)
from queries.providers.errors import AuthenticationError


def test_a_key_travels_after_its_scheme():
    assert SchemeAuthorization("ApiKey", Secret("os_1")).headers() == {
        "Authorization": "ApiKey os_1"
    }
    assert BearerAuthorization(Secret("t")).headers() == {"Authorization": "Bearer t"}


@pytest.mark.parametrize("key", ["", "a b", "a\nb", "ключ", 'a"b'])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(key):
    with pytest.raises(AuthenticationError) as refused:
        SchemeAuthorization("ApiKey", Secret(key)).headers()
    assert not key or key not in str(refused.value)


def test_user_and_password_travel_as_utf_8():
    header = BasicAuthorization("zoë", Secret("pä:ss wörd")).headers()["Authorization"]
    assert base64.b64decode(header.removeprefix("Basic ")).decode() == "zoë:pä:ss wörd"


@pytest.mark.parametrize("user", ["", "a:b", "a\nb"])
def test_a_user_name_that_cannot_be_sent_is_refused(user):
    with pytest.raises(AuthenticationError, match="user name"):
        BasicAuthorization(user, Secret("password")).headers()


@pytest.mark.parametrize("password", ["", "pass\r\nX: y"])
def test_a_password_that_cannot_be_sent_is_refused(password):
    with pytest.raises(AuthenticationError, match="password"):
        BasicAuthorization("anna", Secret(password)).headers()


def test_a_password_is_blotted_out_in_every_form_it_may_come_back_in():
    secrets = BasicAuthorization("anna", Secret('pä"ssword')).secrets()
    token = base64.b64encode('anna:pä"ssword'.encode()).decode()
    assert set(secrets) == {token, 'pä"ssword', 'pä\\"ssword', 'p\\u00e4\\"ssword'}


def test_a_password_of_a_few_letters_does_not_ruin_answers():
    secrets = BasicAuthorization("anna", Secret("a")).secrets()
    assert secrets == (base64.b64encode(b"anna:a").decode(),)
