"""`manage.py sandbox`, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.paths import ROOT

TOOL = [sys.executable, "-W", "error", "-m", "django", "sandbox"]


def started(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [
        *TOOL,
        "--port",
        "0",
        "--data-dir",
        str(tmp_path),
        "--url-file",
        str(tmp_path / "url"),
        *arguments,
    ]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def url_of(process: subprocess.Popen[str], tmp_path: Path) -> str:
    deadline = time.monotonic() + 60
    while not (tmp_path / "url").exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return (tmp_path / "url").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(tmp_path, number):
    process = started(tmp_path, "--rows", "1000", "--faults", "--rate", "0")
    try:
        url = url_of(process, tmp_path)
        with httpx.Client(
            base_url=url,
            trust_env=False,
            headers={"Authorization": "Bearer sandbox-demo-key"},
        ) as client:
            answer = client.post(
                "/api/v1/dataprime/query", json={"query": "source logs | limit 3"}
            )
            assert answer.status_code == 200
            assert client.get("/_sandbox/faults").json() == []
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert f"Sandbox at {url}, key sandbox-demo-key:" in output
    assert (tmp_path / "sandbox" / "logs.parquet").exists()


def test_a_file_that_cannot_be_read_ends_it_with_the_reason(tmp_path):
    bad = tmp_path / "bad.ndjson"
    bad.write_text('{"a":1}\n{"a"\n')
    process = started(tmp_path, "--load", str(bad))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "line 2 is not a JSON object" in output
    assert "Traceback" not in output
