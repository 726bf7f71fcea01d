"""Finding providers, opening them, and what every one of them has by birth."""

from __future__ import annotations

import ast
import copy
import pickle
import subprocess
import sys

import pytest

from queries.providers.base import Provider, QuerySpec, RowStream
from queries.providers.client import ApiCall, Policy
from queries.providers.credentials import BearerAuthorization, Secret
from queries.providers.errors import (
    AddressRefusedError,
    CallStoppedError,
    UnsupportedOperationError,
)
from queries.providers.registry import create_provider, provider_choices, provider_class
from tests.paths import ROOT
from tests.providers.keys import CANARY

PROVIDERS = ROOT / "queries" / "providers"


@pytest.mark.parametrize(("slug", "label"), provider_choices())
def test_a_slug_leads_to_its_class(slug, label):
    kind = provider_class(slug)
    assert issubclass(kind, Provider)
    assert (kind.slug, kind.label) == (slug, label)


@pytest.mark.parametrize("slug", ["", "nobody", "os", "../x"])
def test_a_slug_nobody_registered_is_an_error(slug):
    with pytest.raises(LookupError):
        provider_class(slug)


def test_listing_the_providers_imports_none():
    code = (
        "import sys; from queries.providers.registry import provider_choices; provider_choices();"
        "assert not [name for name in sys.modules if name.startswith(('django', 'queries.providers.coralogix'))]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_key_goes_only_where_it_was_entered_for(upstream):
    policy = Policy(upstream_hosts={upstream.host_port})
    options = {"region": "custom", "endpoint": upstream.origin}
    with pytest.raises(AddressRefusedError, match="changed since the key was entered"):
        create_provider(
            "coralogix",
            CANARY,
            options,
            origin="https://api.eu1.coralogix.com",
            policy=policy,
        )
    with create_provider(
        "coralogix", CANARY, options, origin=upstream.origin, policy=policy
    ) as provider:
        assert provider.client.origin == upstream.origin
    with pytest.raises(AddressRefusedError):
        create_provider(
            "coralogix", CANARY, options, origin=upstream.origin, policy=Policy()
        )


class Mute(Provider):
    """A provider that can do nothing."""

    label = "Mute"
    endpoint = authorization = validate = curl = test = None


def test_what_a_provider_does_not_define_is_said_to_be_unsupported(client):
    mute = Mute(client, {})
    spec = QuerySpec("x")
    for call in (
        lambda: mute.run(spec),
        lambda: mute.submit(spec, "key"),
        lambda: mute.status("job"),
        lambda: mute.rows("job"),
        lambda: mute.cancel("job"),
    ):
        with pytest.raises(UnsupportedOperationError, match="Mute cannot"):
            call()
    assert mute.advisories(spec, "direct") == []


def test_a_provider_hangs_up_and_closes_its_client(client, upstream):
    with Mute(client, {}) as mute:
        mute.abort()
        with pytest.raises(CallStoppedError):
            client.send(ApiCall("GET", "/x"))


def test_a_row_stream_closes_at_the_end_of_its_block():
    closed = []
    with RowStream(lambda _stream: iter(()), lambda: closed.append(1)) as stream:
        assert list(stream) == []
        assert closed == []
    assert closed == [1]


def test_a_secret_shows_itself_to_nobody_and_goes_nowhere():
    secret = Secret(CANARY)
    assert (
        CANARY
        not in f"{secret} {secret!r} {[secret]} {vars(BearerAuthorization(secret))}"
    )
    assert secret.reveal() == CANARY
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(secret)


def test_only_client_and_transport_know_the_http_library():
    knowing = set()
    for path in PROVIDERS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.partition(".")[0] in {"httpx", "httpcore"} for name in names):
                knowing.add(path.name)
    assert knowing == {"client.py", "transport.py"}
