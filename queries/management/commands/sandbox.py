"""`manage.py sandbox`: the embedded upstream, in the foreground."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from sandbox.config import DEMO_KEY, Limits, SandboxConfig, SandboxError
from sandbox.running import Sandbox, running_sandbox

# Of a row in the answer of a finished background query, with room to spare.
BYTES_PER_ROW = 4_096

OPTIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("--host", "address to listen on (default: loopback only)", {"default": "127.0.0.1"}),
    ("--port", "port to listen on; 0 picks a free one", {"type": int, "default": 8765}),
    ("--url-file", "write the address to this file once it answers", {"type": Path}),
    ("--data-dir", "where rows and background queries are kept", {"type": Path, "default": settings.DATA_DIR}),
    ("--rows", "demo log lines in a week (default: 200000)", {"type": int, "default": 200_000}),
    ("--background-rows", "most rows of one background query (default: 1000000)", {"type": int, "default": 1_000_000}),
    ("--load", "serve the lines of this NDJSON or text file (.gz too) instead", {"type": Path, "metavar": "FILE"}),
    ("--rate", "direct queries a minute for each key; 0 for no limit", {"type": int, "default": 30}),
    ("--faults", "let POST /_sandbox/faults make it misbehave", {"action": "store_true"}),
)  # fmt: skip


class Command(BaseCommand):
    """Serve the providers' query APIs from rows of our own until told to stop."""

    help = "Serve the sandbox: the query APIs of all providers over loopback, executing queries on demo rows or your own."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Every option has a default that makes a working sandbox."""
        for name, help_, more in OPTIONS:
            parser.add_argument(name, help=help_, **more)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM."""
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        config = SandboxConfig(
            host=options["host"],
            port=options["port"],
            data_dir=options["data_dir"],
            demo_rows=options["rows"],
            load=options["load"],
            limits=_limits(options["rate"], options["background_rows"]),
            fault_control=options["faults"],
        )
        self.stdout.write("Preparing the rows; the first start takes a few seconds.")
        self.stdout.flush()
        try:
            with running_sandbox(config) as sandbox:
                self._announce(sandbox, options["url_file"])
                stop.wait()
        except SandboxError as error:
            raise CommandError(str(error)) from error

    def _announce(self, sandbox: Sandbox, url_file: Path | None) -> None:
        extent = sandbox.extent
        self.stdout.write(
            f"Sandbox at {sandbox.url}, key {DEMO_KEY}: {extent.rows:,} rows from {extent.first} to {extent.last}"
        )
        self.stdout.flush()
        if url_file is not None:
            temporary = url_file.with_name(f".{url_file.name}.tmp")
            temporary.write_text(sandbox.url)
            temporary.replace(url_file)


def _limits(rate: int, background_rows: int) -> Limits:
    """The usual limits, and room on the disk for the largest answer."""
    room = max(Limits.jobs_bytes, background_rows * BYTES_PER_ROW)
    return Limits(
        queries_per_minute=rate, background_rows=background_rows, jobs_bytes=room
    )
