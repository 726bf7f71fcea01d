"""Which address of the protocol does what."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.config import SandboxConfig
from sandbox.coralogix.access import Access
from sandbox.coralogix.background import BackgroundEndpoints
from sandbox.coralogix.direct import DirectEndpoint
from sandbox.coralogix.errors import with_error_responses
from sandbox.engine import Engine
from sandbox.jobs import JobStore
from sandbox.runner import JobRunner
from sandbox.web import Endpoint

BASE = "/api/v1/dataprime"


def coralogix_endpoints(
    config: SandboxConfig, engine: Engine, store: JobStore, runner: JobRunner
) -> Mapping[str, Endpoint]:
    """The five addresses by path; unfinished background queries of an earlier process start again."""
    access = Access(config.keys, config.limits.queries_per_minute)
    direct = DirectEndpoint(config, engine, access)
    background = BackgroundEndpoints(config, engine, access, store, runner)
    background.resume()
    handlers = {
        "query": ("query", direct.handle),
        "background-query": ("submit", background.submit),
        "background-query/status": ("status", background.status),
        "background-query/cancel": ("cancel", background.cancel),
        "background-query/data": ("data", background.data),
    }
    return {
        f"{BASE}/{path}": Endpoint(
            operation, with_error_responses(handle, config.error_style)
        )
        for path, (operation, handle) in handlers.items()
    }
