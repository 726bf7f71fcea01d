"""The web server alone, as `manage.py up` starts it, over a world that a script has prepared."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from tests.running_product import OWN_VARIABLES, ROOT, free_port, wait_until

SETUP_SCRIPT = """
import django, json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.test import Client
from tests.factories import UserFactory
from tests.stored_results import log_rows, stored_run
user, client = UserFactory(), Client()
client.force_login(user)
"""


class WebServer:
    """A gunicorn of one process, and a person's session to ask it with."""

    def __init__(self, place: Path, **environment: str) -> None:
        self.port = free_port()
        self.data = place / "data"
        self.log = place / "output"
        self.setup_output: dict[str, str] = {}
        kept = {k: v for k, v in os.environ.items() if not k.startswith(OWN_VARIABLES)}
        self.env = kept | {
            "SECRET_KEY": os.environ["SECRET_KEY"],
            "QUERYDECK_FIELD_KEYS": Fernet.generate_key().decode(),
            "QUERYDECK_DATA_DIR": str(self.data),
            "QUERYDECK_HTTPS": "no",
            **environment,
        }

    def run_setup(self, script: str) -> None:
        """Run a script in the server's world; what it puts in ``answer`` is in ``prepared``."""
        end = 'answer["session"] = client.cookies["session"].value\nprint(json.dumps(answer))'
        done = subprocess.run(
            [sys.executable, "-c", f"{SETUP_SCRIPT}{script}\n{end}"],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        self.setup_output = json.loads(done.stdout.splitlines()[-1])

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Serve until the block ends."""
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            "python:dashboard.server",
        ]
        command += ["--workers", "1", "--bind", f"127.0.0.1:{self.port}"]
        with self.log.open("w") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=output, stderr=output
            )
        try:
            wait_until(self.is_up, 60, "the web server")
            yield
        finally:
            process.terminate()
            process.wait(30)

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            return self.request("GET", "/healthz")[0].status == 200
        except OSError:
            return False

    def connect(self) -> http.client.HTTPConnection:
        """A new connection to it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def headers(self, **more: str) -> dict[str, str]:
        """What a signed-in browser sends with a form."""
        token = "t" * 32
        return {
            "Cookie": f"session={self.setup_output.get('session', '')}; csrf={token}; csrftoken={token}",
            "X-CSRFToken": token,
            "Content-Type": "application/x-www-form-urlencoded",
            **{name.replace("_", "-"): value for name, value in more.items()},
        }

    def request(
        self, method: str, path: str, body: str = "", **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """The whole answer. Raises http.client.IncompleteRead when it breaks off."""
        connection = self.connect()
        try:
            connection.request(method, path, body or None, self.headers(**headers))
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()
