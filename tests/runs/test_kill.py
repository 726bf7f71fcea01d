"""The kill test: web, worker and pump killed -9 in turn during one background run of 50,000 rows.

The run must succeed with exactly those rows. The provider is the sandbox, over real HTTP, in this
process; it sends the rows slowly until the killing is over, so that every kill finds the run active.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from sandbox.config import Limits, Pace, SandboxConfig
from sandbox.faults import Fault
from sandbox.running import running_sandbox
from tests.running_product import (
    START_SCRIPT,
    STATUS_SCRIPT,
    Product,
    run_script,
    wait_until,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product")]
ROWS = 50_000
KILLS = 20
SERVER = "host=127.0.0.1 port=5432 user=postgres dbname=test connect_timeout=3"
# The whole answer takes about 20 seconds this way: longer than anybody lives here.
SLOWLY = Fault(kind="drip", operation="data", size=256 * 1024, seconds=0.2, times=None)

RESULT = """
from queries import stored_results
from queries.models import ResultSet, Run
run = Run.objects.get()
with stored_results.open_result(run.result) as reader:
    page = reader.page(offset=0, size=1_000_000, columns=["$d.n"])
    total = reader.total
answer = {
    "numbers": [cells[0] for _n, cells in page.rows],
    "total": total,
    "complete": run.result.complete,
    "result_sets": ResultSet.objects.count(),
    "files": len(list(stored_results.result_dir(run.result).glob("*.parquet"))),
    "parts": run.result.parts.count(),
}
"""


@contextmanager
def scratch_database():
    """A PostgreSQL database of this test's own; gives its URL."""
    name = f"querydeck_kill_{uuid.uuid4().hex[:8]}"
    try:
        server = psycopg.connect(SERVER, autocommit=True)
    except psycopg.OperationalError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("there is no PostgreSQL at 127.0.0.1:5432")
    with closing(server):
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield f"postgres://postgres@127.0.0.1:5432/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def in_touch_with(port):
    """Whether a process has a connection to that port: it is the one that pumps or fetches."""

    def check(process):
        try:
            return any(
                link.raddr and link.raddr.port == port
                for link in process.net_connections()
            )
        except psutil.Error:
            return False

    return check


def victim(product, kind, port, dice):
    """Whom to kill: one of the web, one of the worker, or the one that talks to the provider."""
    if kind == "web":
        return dice.choice(product.processes("gunicorn") or [None])
    workers = product.processes("qcluster")
    busy = [one for one in workers if in_touch_with(port)(one)]
    return dice.choice((kind == "scheduler" and busy) or workers or [None])


def kill_in_turn(product, port):
    """Twenty kills, each as soon as there is somebody of that kind; tells whom it met."""
    dice, met = random.Random(7), []
    for number in range(KILLS):
        kind = ("web", "worker", "scheduler")[number % 3]
        one = wait_until(
            lambda kind=kind: victim(product, kind, port, dice), 60, f"a {kind}"
        )
        with suppress(psutil.NoSuchProcess):
            one.kill()
        met.append(kind)
        time.sleep(dice.uniform(0.3, 1.2))
    return met


def killed_in_turn(place, **environment):
    """One run, twenty kills; gives how it ended."""
    config = SandboxConfig(
        count=ROWS,
        pace=Pace(waiting=1.0, running=4.0),
        limits=Limits(queries_per_minute=0),
    )
    with running_sandbox(config) as sandbox:
        sandbox.faults.add(SLOWLY)
        address = urlsplit(sandbox.url)
        environment["QUERYDECK_UPSTREAM_HOSTS"] = address.netloc
        with Product(place, "--no-sandbox", **environment) as product:
            product.wait_until_healthy()
            run_script(product, START_SCRIPT, sandbox.url)
            met = kill_in_turn(product, address.port)
            still = run_script(product, STATUS_SCRIPT)
            sandbox.faults.clear()
            assert len(met) == KILLS
            assert still["status"] in {"queued", "running", "fetching"}, still
            end = time.monotonic() + 150
            while (now := run_script(product, STATUS_SCRIPT))["status"] in {
                "queued",
                "running",
                "fetching",
            }:
                assert time.monotonic() < end, (now, product.output()[-3000:])
                time.sleep(0.5)
            assert now["status"] == "succeeded", now
            product.wait_until_healthy()
            return now, run_script(product, RESULT)


def check(now, result):
    assert result["total"] == ROWS
    assert sorted(result["numbers"]) == list(range(ROWS))
    assert result["complete"]
    assert result["result_sets"] == 1
    assert result["parts"] == 1
    # What was submitted twice is told.
    assert (now["submits"] > 1) == any(
        note.startswith("Submitted") for note in now["notes"]
    )


def test_a_run_survives_twenty_kills_on_sqlite(tmp_path):
    check(*killed_in_turn(tmp_path))


def test_a_run_survives_twenty_kills_on_postgresql(tmp_path):
    with scratch_database() as url:
        check(*killed_in_turn(tmp_path, DATABASE_URL=url))
