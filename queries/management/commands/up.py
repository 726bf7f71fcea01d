"""``manage.py up``: the product in one command, or one part of it in production."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError

from queries.runs.engine import scheduler
from queries.supervisor import local, ports
from queries.supervisor.child import Child
from queries.supervisor.lockfile import AlreadyRunningError, exclusive_lock
from queries.supervisor.loop import Supervisor
from queries.supervisor.watch import WorkerMonitor

MANAGE_PY = str(Path(settings.BASE_DIR) / "manage.py")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SANDBOX_PORT = 8765

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Run web server, worker and sandbox until Ctrl-C, and leave nothing behind."""

    help = "Runs web server, worker and sandbox; --only web or --only worker in production."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """What may differ between starts; everything else is in the environment."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--only", choices=["web", "worker"])
        parser.add_argument("--no-sandbox", action="store_true")
        parser.add_argument("--sandbox-rows", type=int, default=200_000)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Supervise until a signal ends it."""
        if options["only"]:
            self._serve_one(options["only"], options["host"], options["port"])
            return
        try:
            with exclusive_lock(Path(settings.DATA_DIR)):
                rows = 0 if options["no_sandbox"] else options["sandbox_rows"]
                self._serve_all(options["host"], options["port"], rows)
        except AlreadyRunningError as error:
            raise CommandError(str(error)) from error

    def _serve_one(self, part: str, host: str, port: int) -> None:
        """One part, as a container runs it: no migration, no sandbox, no link."""
        if part == "web":
            Supervisor([_web(host, port, dict(os.environ))]).run()
            return
        worker = _worker(dict(os.environ))
        watch = WorkerMonitor(worker)
        Supervisor(
            [worker], [watch.tick], on_exit=scheduler.release_scheduler_lock
        ).run()

    def _serve_all(self, host: str, port: int, sandbox_rows: int) -> None:
        """Run all parts, for a user's own machine; without the sandbox when it has no rows."""
        local.prepare_installation()
        user = local.ensure_local_user()
        env = dict(os.environ)
        # A terminal shows what needs its owner, not each request.
        env.setdefault("QUERYDECK_LOG_LEVEL", "warning")
        if host in LOOPBACK:
            # There is no certificate for this machine's own address.
            env.setdefault("QUERYDECK_HTTPS", "no")
        children = []
        if sandbox_rows:
            children.append(self._sandbox(user, env, sandbox_rows))
        port = self._port(host, port)
        worker = _worker(env)
        children += [_web(host, port, env), worker]
        announce = self._announcer(user, host, port)
        watch = WorkerMonitor(worker)
        Supervisor(
            children, [announce, watch.tick], on_exit=scheduler.release_scheduler_lock
        ).run()

    def _sandbox(self, user: Any, env: dict[str, str], rows: int) -> Child:
        """The sandbox on the port it had before, if that is free; ``env`` then allows it."""
        file = Path(settings.DATA_DIR) / "sandbox-port"
        port = _free("127.0.0.1", ports.load_port(file, SANDBOX_PORT))
        ports.save_port(file, port)
        local.ensure_sandbox_connections(user, port)
        hosts = [env.get("QUERYDECK_UPSTREAM_HOSTS", ""), f"127.0.0.1:{port}"]
        env["QUERYDECK_UPSTREAM_HOSTS"] = ",".join(filter(None, hosts))
        # One query can give all of them, also where the real upstream stops at a million.
        most = ["--background-rows", str(max(rows, 1_000_000))]
        command = [sys.executable, MANAGE_PY, "sandbox", "--port", str(port), *most]
        return Child("sandbox", [*command, "--rows", str(rows)], env, quiet=True)

    def _port(self, host: str, wanted: int) -> int:
        port = _free(host, wanted)
        if wanted not in (0, port):
            self.stdout.write(f"Port {wanted} is taken; using {port}.")
        return port

    def _announcer(self, user: Any, host: str, port: int) -> Callable[[], None]:
        """Prints the link, once, when the web server answers."""
        said = False

        def announce() -> None:
            nonlocal said
            if said or not ports.accepts_connections(host, port):
                return
            try:
                url = local.create_sign_in_url(user, host, port)
            except (DatabaseError, InterfaceError) as error:
                log.warning("no_link_yet", why=type(error).__name__)
                return
            said = True
            self.stdout.write(f"Querydeck is ready. Sign in, once, with {url}")
            self.stdout.flush()

        return announce


def _web(host: str, port: int, env: dict[str, str]) -> Child:
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    command = [sys.executable, "-m", "gunicorn", "--config", "python:dashboard.server"]
    return Child("web", [*command, "--bind", bind], env)


def _worker(env: dict[str, str]) -> Child:
    return Child("worker", [sys.executable, MANAGE_PY, "qcluster"], env)


def _free(host: str, wanted: int) -> int:
    try:
        return ports.find_free_port(host, wanted)
    except ports.NoFreePortError as error:
        raise CommandError(str(error)) from error
