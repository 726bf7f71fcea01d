"""The whole product, started by `manage.py up` in a world of its own, for tests that kill parts of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import psutil
from cryptography.fernet import Fernet

from sandbox.config import DEMO_KEY
from tests.paths import ROOT

OWN_VARIABLES = ("QUERYDECK_", "DATABASE_URL", "REDIS_URL", "DJANGO_", "SECRET_KEY")


def wait_until(
    condition: Callable[[], Any], seconds: float = 30.0, what: str = "it"
) -> Any:
    """Wait for something that happens elsewhere and give it; fail if it does not."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} never happened"
        time.sleep(0.05)
    return found


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return probe.getsockname()[1]


SCRIPT_SETUP = """
import django, json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
django.setup()
argument, answer = sys.argv[1], None
"""
START_SCRIPT = f"""
from queries.models import Connection, User
from queries.runs.services import RunRequest, start_run
user = User.objects.create_user("killed@example.com")
connection = Connection(owner=user, provider="coralogix", name="Sandbox", origin=argument)
connection.options = {{"region": "custom", "endpoint": argument}}
connection.set_key({DEMO_KEY!r})
connection.save()
start_run(RunRequest(owner=user, connection=connection, statement="source logs", mode="background", time_range="last-6h"))
"""
STATUS_SCRIPT = """
from queries.models import Run
run = Run.objects.get()
answer = {"status": run.status, "submits": run.submits, "notes": run.notes, "error": run.error}
"""


class Product:
    """The supervisor and everything below it; whatever is left at the end is killed."""

    def __init__(self, place: Path, *arguments: str, **environment: str) -> None:
        self.port = free_port()
        self.data_dir = place / "world"
        self.log = place / "output"
        self.env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(OWN_VARIABLES)
        }
        self.env |= {
            "SECRET_KEY": os.environ["SECRET_KEY"],
            "QUERYDECK_FIELD_KEYS": Fernet.generate_key().decode(),
            "QUERYDECK_DATA_DIR": str(self.data_dir),
            **environment,
        }
        self._command = [
            sys.executable,
            "manage.py",
            "up",
            "--port",
            str(self.port),
            *arguments,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("w") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self.env,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()
        for one in self.processes():
            one.kill()

    def stop(self) -> int:
        """Ctrl-C; gives the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(60)

    def kill(self) -> None:
        """Kill -9 the supervisor itself."""
        self._process.kill()
        self._process.wait()

    def output(self) -> str:
        """Everything it has printed."""
        return self.log.read_text()

    def wait_until_healthy(self) -> None:
        """Until the web server answers; fails with what was printed."""
        end = time.monotonic() + 60
        while not self.is_healthy():
            assert time.monotonic() < end, self.output()[-3000:]
            time.sleep(0.1)

    def is_healthy(self) -> bool:
        """Whether the web server answers."""
        try:
            url = f"http://127.0.0.1:{self.port}/healthz"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def processes(self, name: str = "") -> list[psutil.Process]:
        """Every process of this world, orphans included, whose command says ``name``."""
        mine = str(self.data_dir)
        found = []
        for one in psutil.process_iter():
            try:
                here = one.environ().get("QUERYDECK_DATA_DIR") == mine
                if (
                    here
                    and one.status() != psutil.STATUS_ZOMBIE
                    and name in " ".join(one.cmdline())
                ):
                    found.append(one)
            except psutil.Error:
                continue
        return [one for one in found if one.pid != self._process.pid]

    def child_process(self, name: str) -> psutil.Process | None:
        """The child of the supervisor whose command says ``name``."""
        children = (
            one for one in self.processes(name) if parent_pid(one) == self._process.pid
        )
        return next(children, None)


def parent_pid(process: psutil.Process) -> int:
    """The parent's process id; 0 for a process that is gone."""
    try:
        return process.ppid()
    except psutil.Error:
        return 0


def run_script(product, script, argument=""):
    """What a script answers in the product's own world."""
    program = f"{SCRIPT_SETUP}{script}\nprint(json.dumps(answer))"
    done = subprocess.run(
        [sys.executable, "-c", program, argument],
        cwd=ROOT,
        env=product.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
