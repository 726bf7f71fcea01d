"""Which address of the protocol does what."""

from __future__ import annotations

from collections.abc import Mapping

from queries.sandbox.config import SandboxConfig
from queries.sandbox.coralogix.access import Access
from queries.sandbox.coralogix.background import Background
from queries.sandbox.coralogix.direct import Direct
from queries.sandbox.coralogix.refusals import answered
from queries.sandbox.engine import Engine
from queries.sandbox.jobs import JobStore
from queries.sandbox.runner import JobRunner
from queries.sandbox.web import Endpoint

BASE = "/api/v1/dataprime"


def coralogix_endpoints(
    config: SandboxConfig, engine: Engine, store: JobStore, runner: JobRunner
) -> Mapping[str, Endpoint]:
    """The five addresses by path; unfinished background queries of an earlier process start again."""
    access = Access(config.keys, config.limits.queries_per_minute)
    direct = Direct(config, engine, access)
    background = Background(config, engine, access, store, runner)
    background.resume()
    handlers = {
        "query": ("query", direct.handle),
        "background-query": ("submit", background.submit),
        "background-query/status": ("status", background.status),
        "background-query/cancel": ("cancel", background.cancel),
        "background-query/data": ("data", background.data),
    }
    return {
        f"{BASE}/{path}": Endpoint(operation, answered(handle, config.error_style))
        for path, (operation, handle) in handlers.items()
    }
