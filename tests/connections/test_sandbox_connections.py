"""A first start: the ready connections lead to a sandbox that lets them in and answers their samples."""

from __future__ import annotations

import pytest

from queries.connections.services import test_connection as try_connection
from queries.forms.runs import RunForm
from queries.models import Connection
from queries.providers.registry import provider_choices, provider_class
from queries.supervisor import local
from sandbox.config import INSTANT, SandboxConfig
from sandbox.running import running_sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(user):
    """The connections of a first start, by provider, with their sandbox behind them."""
    with running_sandbox(SandboxConfig(count=50, pace=INSTANT)) as sandbox:
        local.ensure_sandbox_connections(user, int(sandbox.url.rpartition(":")[2]))
        yield {one.provider: one for one in Connection.objects.all()}


def test_every_ready_connection_is_let_in(ready):
    assert set(ready) == set(dict(provider_choices()))
    for connection in ready.values():
        result = try_connection(connection)
        assert result.ok, (connection.provider, result.message)


def test_every_sample_can_be_sent_from_the_form(ready, user):
    for slug, connection in ready.items():
        for sample in provider_class(slug).samples:
            blank = RunForm(user, initial={"connection": connection.pk})
            filled = {
                "form_key": "0e6ba1ce-9a0e-4dd5-8e4c-7d2e0f3a7f10",
                "connection": str(connection.pk),
                "statement": sample.statement,
                "mode": sample.mode,
                "time_range": sample.time_range,
                **blank.settings.initial(
                    {**blank.connection_defaults, **sample.settings}
                ),
            }
            sent = {name: value for name, value in filled.items() if value}
            form = RunForm(user, sent)
            assert form.is_valid(), (slug, sample.title, form.errors)
