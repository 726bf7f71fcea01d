"""docs/adding-a-provider.md, followed to the letter: the toy runs through the whole product."""

from __future__ import annotations

import re
import sys
import types
import uuid

import pytest
from django.urls import reverse

from queries.connections.services import test_connection as try_connection
from queries.models import Connection, Run
from queries.providers import registry
from queries.providers.client import Client
from queries.providers.errors import AuthenticationError
from queries.runs.engine import executor
from queries.supervisor import local
from tests.factories import KEY
from tests.paths import ROOT
from tests.providers import test_contract as contract
from tests.providers.provider_harness import ProviderHarness
from tests.scripted_server import Upstream, json_reply, ndjson_reply

PAGE = (ROOT / "docs" / "adding-a-provider.md").read_text()


def module_of(place: int) -> types.ModuleType:
    """A block of code of the page, as a module."""
    code = re.findall(r"```python\n(.*?)```", PAGE, re.S)[place]
    module = types.ModuleType(f"toy_of_the_docs_{place}")
    exec(compile(code, "adding-a-provider.md", "exec"), module.__dict__)
    return module


@pytest.fixture
def toy(monkeypatch):
    """Steps 1 and 2: the class on the page, as a module, and its line in the registry."""
    module = module_of(0)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    line = ("Toy", module.__name__, "Toy")
    monkeypatch.setattr(registry, "_PROVIDERS", registry._PROVIDERS | {"toy": line})


@pytest.fixture
def upstream():
    with Upstream() as one:
        yield one
    executor.direct_executor.stop()


@pytest.mark.django_db(transaction=True)
def test_a_provider_written_as_the_page_says_works_in_the_whole_product(
    page, toy, upstream
):
    upstream.on(
        "/ask", ndjson_reply({"answer": 42, "nested": {"ü": None}}, {"answer": 43})
    )
    created = page.post(
        "/connections/new/?provider=toy",
        {"name": "My toy", "option_address": upstream.origin, "key": KEY},
    )
    connection = Connection.objects.get()
    assert created.status_code == 302
    assert (
        "Toy let the key in."
        in page.post(reverse("connection_test", args=[connection.pk]), follow=True).text
    )
    response = page.post(
        "/runs/new/",
        {
            "form_key": str(uuid.uuid4()),
            "connection": str(connection.pk),
            "statement": "what is it?",
            "mode": "direct",
            "setting_colour": "blue",
        },
        follow=True,
    )
    assert "Succeeded" in response.text
    assert Run.objects.get().rows_received == 2
    assert upstream.requests[-1].json() == {"ask": "what is it?", "colour": "blue"}
    assert upstream.requests[-1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.django_db
def test_what_the_toy_cannot_do_is_not_offered(page, toy, user, upstream):
    upstream.on("/ask", json_reply({"message": "no"}, 401))
    page.post(
        "/connections/new/?provider=toy",
        {"name": "My toy", "option_address": upstream.origin, "key": KEY},
    )
    text = page.get("/runs/new/").text
    assert 'value="background"' not in text
    assert 'name="time_range"' not in text
    connection = Connection.objects.get()
    told = page.post(reverse("connection_test", args=[connection.pk]), follow=True).text
    assert "key" in told.lower()


@pytest.fixture
def stage(toy, upstream, monkeypatch):
    """Step 3: the adapter on the page, and the toy on the contract's stage."""
    monkeypatch.setattr(Client, "pause", lambda _client, _seconds: None)
    made = ProviderHarness(module_of(1).ADAPTER, upstream, "toy", [])
    yield made
    for provider in made.opened:
        provider.close()


BY_CALL = (
    (contract.test_a_refused_key_and_a_missing_permission_are_told_apart, 401, AuthenticationError),
    (contract.test_too_many_requests_say_when_to_come_back, {"Retry-After": "17"}, 17.0),
    (contract.test_trouble_at_the_server_may_pass, 503),
    (contract.test_silence_ends_in_time_or_when_its_owner_hangs_up,),
    (contract.test_a_redirect_is_refused, 302),
    (contract.test_a_body_without_end_is_bounded,),
    (contract.test_a_packed_bomb_is_bounded,),
    (contract.test_a_drip_cannot_hold_a_call_for_ever,),
)  # fmt: skip
FUZZED = (
    contract.test_no_bytes_whatever_get_past_our_errors,
    contract.test_no_json_whatever_gets_past_our_errors,
)
OF_A_PROVIDER = (
    contract.test_ten_thousand_rows_come_in_order_and_none_twice,
    contract.test_the_test_of_a_connection_never_raises,
    contract.test_the_declared_fields_are_fit_for_a_form,
    contract.test_the_curl_command_has_a_placeholder_for_the_key,
)


@pytest.mark.parametrize("promise", BY_CALL, ids=lambda promise: promise[0].__name__)
def test_the_toy_keeps_the_promises_of_a_call(stage, promise):
    check, *more = promise
    check(stage, "rows", *more)


@pytest.mark.parametrize("check", FUZZED)
def test_nothing_whatever_gets_past_the_errors_of_the_toy(stage, check):
    check(stage=stage, call="rows")


@pytest.mark.parametrize("check", OF_A_PROVIDER)
def test_the_toy_keeps_the_promises_of_a_provider(stage, check):
    check(stage)


@pytest.mark.django_db
def test_a_first_start_makes_a_connection_for_the_toy(toy, user, upstream, monkeypatch):
    """Step 5: the entry for the sandbox; the scripted upstream stands for the sandbox's package."""
    options = local.SANDBOX_OPTIONS | {"toy": lambda origin: {"address": origin}}
    monkeypatch.setattr(local, "SANDBOX_OPTIONS", options)
    upstream.on("/ask", ndjson_reply({"answer": "pong"}))
    local.ensure_sandbox_connections(user, int(upstream.origin.rpartition(":")[2]))
    connection = Connection.objects.get(provider="toy")
    assert connection.name == "Sandbox: Toy"
    assert try_connection(connection).ok


def test_the_page_has_at_most_five_steps():
    assert re.findall(r"^\*\*(\d)\.", PAGE, re.M) == ["1", "2", "3", "4", "5"]
