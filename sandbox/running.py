"""A whole sandbox: rows, engine, jobs, server; for the management command and, as a context manager, for tests."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sandbox.app import Application, FaultControl, JournalEntry
from sandbox.config import SandboxConfig, SandboxError
from sandbox.coralogix.faults import NAMED_FAULTS as CORALOGIX_FAULTS
from sandbox.coralogix.wire import coralogix_endpoints
from sandbox.engine import Engine
from sandbox.extent import Extent
from sandbox.faults import FaultInjector
from sandbox.jobs import Job, JobStore
from sandbox.polytomic.faults import NAMED_FAULTS as POLYTOMIC_FAULTS
from sandbox.polytomic.wire import PolytomicApi
from sandbox.runner import JobRunner
from sandbox.saf.faults import NAMED_FAULTS as SAF_FAULTS
from sandbox.saf.wire import saf_endpoints
from sandbox.server import SandboxServer
from sandbox.supermetrics.faults import NAMED_FAULTS as SUPERMETRICS_FAULTS
from sandbox.supermetrics.wire import supermetrics_endpoints

_LOCK_SECONDS = 10.0
_NAMED = {**CORALOGIX_FAULTS, **POLYTOMIC_FAULTS, **SAF_FAULTS, **SUPERMETRICS_FAULTS}


class Sandbox:
    """One running sandbox; made by ``running_sandbox``."""

    def __init__(
        self,
        server: SandboxServer,
        engine: Engine,
        store: JobStore,
        runner: JobRunner,
        faults: FaultInjector,
        polytomic: PolytomicApi,
    ) -> None:
        self.faults = faults
        self._polytomic = polytomic
        self._runner = runner
        self._server = server
        self._engine = engine
        self._store = store

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:40123``."""
        return self._server.url

    @property
    def requests(self) -> list[JournalEntry]:
        """The requests that came in, oldest first (the last two thousand)."""
        return list(self._server.application.journal)

    @property
    def jobs(self) -> list[Job]:
        """The background queries it knows, oldest first."""
        return self._store.all()

    def wait_until_idle(self, seconds: float = 10.0) -> None:
        """Wait until every background query has been executed, whatever the clock says of it."""
        for job in self.jobs:
            self._runner.wait(job.id, seconds)
        self._polytomic.wait_until_idle(seconds)

    @property
    def extent(self) -> Extent:
        """How many rows it holds, and of what time."""
        return self._engine.extent


@contextmanager
def running_sandbox(config: SandboxConfig | None = None) -> Iterator[Sandbox]:
    """Serve from a thread while the block runs. Raises ``SandboxError`` when rows, directory or port do not allow it."""
    config = config or SandboxConfig()
    with ExitStack() as stack:
        folder = _folder(config, stack)
        server = SandboxServer(config)
        stack.callback(server.server_close)
        engine = Engine(config, folder)
        stack.callback(engine.close)
        store = JobStore(folder / "jobs.sqlite3")
        stack.callback(store.close)
        runner = JobRunner(store, folder / "jobs", config.limits, config.now)
        stack.callback(runner.stop)
        faults = FaultInjector()
        control = FaultControl(faults, _NAMED) if config.fault_control else None
        polytomic = PolytomicApi(config, folder / "polytomic", faults)
        stack.callback(polytomic.stop)
        endpoints = {
            **coralogix_endpoints(config, engine, store, runner),
            **polytomic.endpoints(),
            **saf_endpoints(config, engine, store, runner),
            **stack.enter_context(
                supermetrics_endpoints(config, folder / "supermetrics")
            ),
        }
        application = Application(endpoints, faults, config.now, control)
        thread = threading.Thread(
            target=server.serve, args=[application], name="sandbox"
        )
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.stop)
        yield Sandbox(server, engine, store, runner, faults, polytomic)


def _folder(config: SandboxConfig, stack: ExitStack) -> Path:
    """The directory of this sandbox alone; one without ``data_dir`` goes away with it."""
    if config.data_dir is None:
        folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder
    folder = config.data_dir / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    lock = stack.enter_context((folder / "lock").open("w"))
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            # A sandbox that is being replaced may need a moment to go.
            if time.monotonic() > deadline:
                raise SandboxError(f"another sandbox is using {folder}") from error
            time.sleep(0.1)
        else:
            _sweep(folder)
            return folder


def _sweep(folder: Path) -> None:
    """Remove what a killed process left half written."""
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    for leftover in (*folder.glob(".*"), *folder.glob("jobs/*.tmp")):
        leftover.unlink()
