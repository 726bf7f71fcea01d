"""One command runs all: what it must survive, and that it leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing

import psutil
import pytest
import redis
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from django_q.conf import Conf

from dashboard import server
from queries.connections.services import origin_for
from queries.management.commands import up
from queries.models import Connection, Heartbeat, SignInLink, User
from queries.providers.registry import provider_choices, provider_class
from queries.runs.engine import executor, queue
from queries.runs.engine.heartbeat import beat
from queries.supervisor import local, ports, watch
from queries.supervisor.child import Child
from queries.supervisor.lockfile import exclusive_lock
from queries.supervisor.loop import Supervisor
from queries.supervisor.watch import WorkerMonitor
from sandbox.config import Limits, Pace, SandboxConfig
from sandbox.running import running_sandbox
from tests.factories import ConnectionFactory, UserFactory
from tests.paths import ROOT
from tests.running_product import (
    START_SCRIPT,
    STATUS_SCRIPT,
    Product,
    run_script,
    wait_until,
)
from tests.runs.engine.queued_tasks import queued_args

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "open(sys.argv[1], 'w').close()\n"
    "time.sleep(600)",
]
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys, time\n"
    f"child = subprocess.Popen({SLEEP!r})\n"
    "open(sys.argv[1], 'w').write(str(child.pid))\n"
    "time.sleep(600)",
]


class Clock:
    """Monotonic time that a test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def child():
    """Makes children that do not outlive the test."""
    made = []

    def make(command, **more):
        made.append(Child("test", command, dict(os.environ), **more))
        return made[-1]

    yield make
    for one in made:
        one.kill()


# Children


def test_a_child_that_ended_is_started_again_with_growing_pauses(child):
    clock = Clock()
    one = child([sys.executable, "-c", ""], clock=clock)
    pauses = []
    for _ in range(4):
        one.tick()
        wait_until(one.has_ended)
        one.tick()
        assert one.pid == 0
        pauses.append(one._not_before - clock.now)
        clock.now = one._not_before
    assert pauses == [0.5, 1.0, 2.0, 4.0]


def test_a_child_that_was_well_is_started_again_at_once(child):
    clock = Clock()
    one = child(SLEEP, clock=clock)
    one.tick()
    first = one.pid
    clock.now += 11
    os.kill(first, signal.SIGKILL)
    wait_until(one.has_ended)
    one.tick()
    one.tick()
    assert one.pid not in (0, first)


def test_what_a_child_forked_does_not_survive_its_restart(child, tmp_path):
    file = tmp_path / "pid"
    one = child([*PARENT, str(file)])
    one.tick()
    grandchild = int(wait_until(lambda: file.exists() and file.read_text()))
    os.kill(one.pid, signal.SIGKILL)
    wait_until(one.has_ended)
    assert is_running(grandchild)
    one.tick()
    wait_until(lambda: not is_running(grandchild))


def test_a_child_does_not_hear_the_terminals_ctrl_c(child):
    one = child(SLEEP)
    one.tick()
    assert os.getpgid(one.pid) == one.pid != os.getpgrp()


def test_killing_what_does_not_run_is_harmless(child):
    one = child(SLEEP)
    one.kill()
    one.terminate()
    assert one.has_ended()


@pytest.mark.skipif(
    sys.platform != "linux", reason="the parent's death is told on Linux only"
)
def test_children_end_when_the_supervisor_is_killed(tmp_path):
    script = (
        "import os, sys, time\n"
        "from queries.supervisor.child import Child\n"
        f"one = Child('test', {SLEEP!r}, dict(os.environ))\n"
        "one.tick()\n"
        "open(sys.argv[1], 'w').write(str(one.pid))\n"
        "time.sleep(600)"
    )
    file = tmp_path / "pid"
    supervisor = subprocess.Popen([sys.executable, "-c", script, str(file)], cwd=ROOT)
    try:
        pid = int(wait_until(lambda: file.exists() and file.read_text()))
        assert is_running(pid)
    finally:
        supervisor.kill()
        supervisor.wait()
    wait_until(lambda: not is_running(pid))


# The loop


class Stopping:
    """A chore that sends this process signals: what a terminal or a container does."""

    def __init__(self, *signals, when=lambda: True):
        self.signals = list(signals)
        self.when = when

    def __call__(self):
        while self.signals and self.when():
            os.kill(os.getpid(), self.signals.pop(0))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_and_handlers_are_put_back(child, number):
    before = signal.getsignal(number)
    one, said = child(SLEEP), []
    Supervisor([one], [Stopping(number)], on_exit=lambda: said.append("bye")).run()
    assert one.pid == 0
    assert said == ["bye"]
    assert signal.getsignal(number) is before


def test_who_does_not_listen_is_killed_after_the_grace(child, tmp_path):
    ready = tmp_path / "ready"
    one = child([*STUBBORN, str(ready)])
    began = time.monotonic()
    Supervisor(
        [one], [Stopping(signal.SIGTERM, when=ready.exists)], stop_timeout=0.3
    ).run()
    assert time.monotonic() - began >= 0.3
    assert one.pid == 0


def test_a_second_ctrl_c_ends_it_at_once(child, tmp_path):
    ready = tmp_path / "ready"
    one = child([*STUBBORN, str(ready)])
    began = time.monotonic()
    stop = Stopping(signal.SIGINT, signal.SIGINT, when=ready.exists)
    Supervisor([one], [stop], stop_timeout=60).run()
    assert time.monotonic() - began < 30
    assert one.pid == 0


def test_children_go_even_if_the_farewell_fails(child):
    def fails():
        raise ZeroDivisionError

    one = child(SLEEP)
    supervisor = Supervisor([one], [Stopping(signal.SIGTERM)], on_exit=fails)
    with pytest.raises(ZeroDivisionError):
        supervisor.run()
    assert one.pid == 0


@pytest.mark.parametrize("error", [DatabaseError, InterfaceError])
def test_children_are_asked_to_end_though_the_database_is_away(child, caplog, error):
    def fails():
        raise error

    one, asked = child(SLEEP), []
    one.terminate = lambda: (asked.append(1), Child.terminate(one))
    Supervisor([one], [Stopping(signal.SIGTERM)], on_exit=fails).run()
    assert asked == [1]
    assert one.pid == 0
    assert "farewell_failed" in caplog.text


# Ports


def test_a_port_that_is_taken_is_passed_over():
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        assert not ports.is_free("127.0.0.1", port)
        assert ports.accepts_connections("127.0.0.1", port)
        assert (
            port
            < ports.find_free_port("127.0.0.1", port)
            <= port + ports.MAX_PORTS_TRIED
        )
    assert not ports.accepts_connections("127.0.0.1", port)


def test_there_may_be_no_free_port(monkeypatch):
    monkeypatch.setattr(ports, "is_free", lambda *_: False)
    with pytest.raises(ports.NoFreePortError):
        ports.find_free_port("127.0.0.1", 8000)
    with pytest.raises(CommandError):
        up._free("127.0.0.1", 8000)


def test_a_port_is_remembered_and_nonsense_is_not(tmp_path):
    file = tmp_path / "somewhere" / "port"
    assert ports.load_port(file, 8765) == 8765
    ports.save_port(file, 9000)
    assert ports.load_port(file, 8765) == 9000
    for nonsense in ("", "x", "0", "99999"):
        file.write_text(nonsense)
        assert ports.load_port(file, 8765) == 8765


# Watching the worker


class Worker:
    """What the watch sees of a worker."""

    def __init__(self, age=1000.0):
        self.age = age
        self.restarts = 0

    def restart(self):
        self.restarts += 1


@pytest.fixture
def watching(monkeypatch, db):
    """A watch over a worker, whose two clocks the test moves together."""
    monkeypatch.setattr(Conf, "ORM", "default")
    # It would close the connection that holds this test's transaction.
    monkeypatch.setattr(watch, "close_old_connections", lambda: None)
    worker, clock = Worker(), Clock()
    with time_machine.travel(timezone.now(), tick=False) as wall:
        one = WorkerMonitor(worker, clock=clock)

        def pass_time(seconds):
            for _ in range(seconds):
                clock.now += 1
                wall.shift(1)
                one.tick()

        yield worker, pass_time


def test_a_worker_that_answers_is_left_alone(watching):
    worker, pass_time = watching
    for _ in range(20):
        pass_time(6)
        Heartbeat.objects.update_or_create(
            name="worker", defaults={"at": timezone.now()}
        )
    assert worker.restarts == 0


def test_a_worker_that_does_not_answer_is_restarted(watching):
    worker, pass_time = watching
    pass_time(25)
    assert worker.restarts == 0
    pass_time(20)
    assert worker.restarts == 1


def test_an_answer_from_before_the_question_is_none(watching):
    worker, pass_time = watching
    beat()
    pass_time(50)
    assert worker.restarts == 1


def test_a_wedged_worker_is_asked_once_and_not_piled_upon(watching):
    _worker, pass_time = watching
    pass_time(30)
    assert len(queued_args(queue.BEAT)) == 1


def test_a_worker_that_has_just_been_started_gets_its_time(watching):
    worker, pass_time = watching
    worker.age = 3.0
    pass_time(60)
    assert worker.restarts == 0


def test_while_the_database_is_away_nobody_is_blamed(watching, monkeypatch, caplog):
    worker, pass_time = watching

    def away():
        raise DatabaseError

    monkeypatch.setattr(watch, "recover", away)
    pass_time(90)
    assert worker.restarts == 0
    assert "watch_blind" in caplog.text


def test_a_file_that_cannot_be_removed_does_not_end_the_watch(
    watching, monkeypatch, caplog
):
    worker, pass_time = watching

    def refused():
        raise PermissionError("not yours")

    monkeypatch.setattr(watch, "recover", refused)
    pass_time(3)
    assert worker.restarts == 0
    assert "watch_stumbled" in caplog.text


# A first start


def test_the_first_start_makes_its_one_user_and_the_second_finds_it(db):
    owner = local.ensure_local_user()
    assert owner.email == local.OWNER_EMAIL
    assert owner.is_superuser
    assert not owner.has_usable_password()
    assert local.ensure_local_user() == owner
    assert User.objects.count() == 1


def test_where_there_are_people_nobody_is_invented(db):
    first = UserFactory()
    UserFactory(is_active=False)
    assert local.ensure_local_user() == first


def test_the_link_signs_in_once(db, client):
    owner = local.ensure_local_user()
    url = local.create_sign_in_url(owner, "127.0.0.1", 8123)
    path = url.removeprefix("http://127.0.0.1:8123")
    token = re.fullmatch(r"/accounts/link/([\w-]+)/", path)[1]
    assert SignInLink.redeem(token).user == owner
    assert SignInLink.redeem(token) is None


def test_somebody_without_a_connection_gets_one_of_each_kind_to_the_sandbox(user):
    local.ensure_sandbox_connections(user, 8765)
    made = {one.provider: one for one in Connection.objects.all()}
    assert list(made.keys() ^ dict(provider_choices()).keys()) == []
    for one in made.values():
        assert one.origin == "http://127.0.0.1:8765"
        assert origin_for(one.provider, one.options) == one.origin
        assert provider_class(one.provider).option_problems(one.options) == []
        assert one.reveal_key() == local.SANDBOX_KEY
    assert made["coralogix"].name == "Sandbox"


def test_the_key_is_the_one_the_sandbox_lets_in():
    from sandbox.config import DEMO_KEY

    assert local.SANDBOX_KEY == DEMO_KEY


def test_a_sandbox_that_moved_is_followed(user):
    for port in (8765, 8765, 9001):
        local.ensure_sandbox_connections(user, port)
    assert Connection.objects.count() == len(provider_choices())
    for one in Connection.objects.all():
        assert one.origin == "http://127.0.0.1:9001"
        assert one.reveal_key() == local.SANDBOX_KEY


def test_a_sandbox_connection_that_was_deleted_is_not_forced_upon_anybody(user):
    ConnectionFactory(owner=user)
    local.ensure_sandbox_connections(user, 8765)
    assert Connection.objects.count() == 1


def test_static_files_are_collected_when_they_are_older_than_their_sources(tmp_path):
    source, collected = tmp_path / "static", tmp_path / "collected"
    for folder in (source, collected):
        folder.mkdir()
    (source / "app.css").write_text("x")
    assert local.is_stale(collected, iter([source]))
    manifest = collected / "staticfiles.json"
    manifest.write_text("{}")
    later = time.time() + 10
    os.utime(manifest, (later, later))
    assert not local.is_stale(collected, iter([source]))
    os.utime(source / "app.css", (later + 10, later + 10))
    assert local.is_stale(collected, iter([source]))


def test_preparing_migrates_and_collects_only_if_needed(monkeypatch):
    called = []
    monkeypatch.setattr(
        local, "call_command", lambda name, **_options: called.append(name)
    )
    monkeypatch.setattr(local, "is_stale", lambda *_: False)
    local.prepare_installation()
    monkeypatch.setattr(local, "is_stale", lambda *_: True)
    local.prepare_installation()
    assert called == ["migrate", "migrate", "collectstatic"]


# The command


@pytest.fixture
def supervised(monkeypatch):
    """What would be run, instead of running it."""
    seen = []

    class Seen(Supervisor):
        def run(self):
            seen.append(self)

    monkeypatch.setattr(up, "Supervisor", Seen)
    monkeypatch.setattr(local, "prepare_installation", lambda: None)
    return seen


def call(**options):
    given = {
        "host": "127.0.0.1",
        "port": 18_000,
        "only": None,
        "no_sandbox": False,
        "sandbox_rows": 9_000,
    }
    up.Command().handle(**(given | options))


def test_everything_is_run_on_ones_own_machine(supervised, db, data_dir):
    call()
    (one,) = supervised
    assert [child.name for child in one.children] == ["sandbox", "web", "worker"]
    port = ports.load_port(data_dir / "sandbox-port", 0)
    assert one.children[0].command[-2:] == ["--rows", "9000"]
    for child in one.children:
        assert f"127.0.0.1:{port}" in child.env["QUERYDECK_UPSTREAM_HOSTS"]
        assert child.env["QUERYDECK_HTTPS"] == "no"
    origins = {one.origin for one in Connection.objects.all()}
    assert origins == {f"http://127.0.0.1:{port}"}


def test_a_second_product_beside_the_first_is_refused_and_touches_nothing(
    supervised, db, data_dir
):
    with (
        exclusive_lock(data_dir),
        pytest.raises(CommandError, match=re.escape(str(data_dir))),
    ):
        call()
    assert supervised == []
    assert not (data_dir / "sandbox-port").exists()
    assert Connection.objects.count() == 0
    call()
    call()
    assert len(supervised) == 2


def test_what_a_supervisor_starts_does_not_hold_its_place(child, data_dir):
    with exclusive_lock(data_dir):
        child(SLEEP).tick()
    with exclusive_lock(data_dir):
        pass


def test_the_sandbox_can_be_left_out(supervised, db):
    call(no_sandbox=True)
    assert [child.name for child in supervised[0].children] == ["web", "worker"]
    assert Connection.objects.count() == 0


def test_in_production_each_part_is_run_alone_and_nothing_is_prepared(
    supervised, db, monkeypatch
):
    monkeypatch.setattr(
        local, "prepare_installation", lambda: pytest.fail("not in production")
    )
    call(only="web", host="0.0.0.0", port=8000)
    call(only="worker")
    web, worker = supervised
    assert [child.name for child in web.children] == ["web"]
    assert "0.0.0.0:8000" in web.children[0].command
    assert web.callbacks == ()
    assert [child.name for child in worker.children] == ["worker"]
    assert len(worker.callbacks) == 1
    assert User.objects.count() == 0


def test_on_an_address_of_the_network_https_is_not_switched_off(
    supervised, db, monkeypatch
):
    monkeypatch.delenv("QUERYDECK_HTTPS", raising=False)
    call_command("up", host="0.0.0.0", port=0, no_sandbox=True)
    assert all("QUERYDECK_HTTPS" not in child.env for child in supervised[0].children)


@pytest.mark.django_db(transaction=True)
def test_a_web_worker_that_ends_ends_its_direct_runs(monkeypatch):
    stopped = []
    monkeypatch.setattr(executor.direct_executor, "stop", lambda: stopped.append(1))
    server.worker_exit(None, None)
    assert stopped == [1]


def test_an_ipv6_address_is_written_in_brackets():
    assert "[::1]:8000" in up._web("::1", 8000, {}).command


def test_a_taken_port_is_passed_over_and_said(supervised, db, capsys):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        call(port=port, no_sandbox=True)
    assert f"Port {port} is taken" in capsys.readouterr().out


def test_the_link_is_printed_once_and_only_when_the_web_answers(supervised, db, capsys):
    command = up.Command()
    with closing(socket.create_server(("127.0.0.1", 0))) as web:
        port = web.getsockname()[1]
        announce = command._announcer(local.ensure_local_user(), "127.0.0.1", port)
        announce()
        announce()
    printed = capsys.readouterr().out
    assert printed.count(f"http://127.0.0.1:{port}/accounts/link/") == 1
    silent = command._announcer(local.ensure_local_user(), "127.0.0.1", port)
    silent()
    assert capsys.readouterr().out == ""


def test_the_link_waits_for_a_database_that_is_away(db, capsys, monkeypatch, caplog):
    def away(*_args):
        raise DatabaseError

    with closing(socket.create_server(("127.0.0.1", 0))) as web:
        port = web.getsockname()[1]
        announce = up.Command()._announcer(local.ensure_local_user(), "127.0.0.1", port)
        with monkeypatch.context() as patch:
            patch.setattr(local, "create_sign_in_url", away)
            announce()
        assert "no_link_yet" in caplog.text
        assert capsys.readouterr().out == ""
        announce()
    assert "/accounts/link/" in capsys.readouterr().out


# The real thing


@pytest.mark.slow
@pytest.mark.xdist_group("product")
def test_the_product_survives_kills_and_leaves_nothing_behind(tmp_path):
    with Product(tmp_path, "--no-sandbox") as product:
        product.wait_until_healthy()
        wait_until(lambda: "/accounts/link/" in product.output(), 30, "the link")
        come_back(product, "gunicorn")
        come_back(product, "qcluster")
        product.wait_until_healthy()
        assert product.stop() == 0
        assert product.processes() == []


@pytest.mark.slow
@pytest.mark.xdist_group("product")
@pytest.mark.skipif(
    sys.platform != "linux", reason="the parent's death is told on Linux only"
)
def test_a_killed_supervisor_takes_everything_with_it(tmp_path):
    with Product(tmp_path, "--no-sandbox") as product:
        product.wait_until_healthy()
        wait_until(lambda: len(product.processes("qcluster")) > 4, 30, "the worker")
        product.kill()
        wait_until(lambda: not product.processes(), 30, "silence")


@pytest.mark.slow
@pytest.mark.xdist_group("product")
def test_a_background_run_ends_well_with_the_redis_broker(tmp_path):
    broker = "redis://127.0.0.1:6379/9"
    forget_wake_ups(broker)
    config = SandboxConfig(
        count=1_000, pace=Pace(0.5, 6.0), limits=Limits(queries_per_minute=0)
    )
    with running_sandbox(config) as sandbox:
        settings = {
            "QUERYDECK_BROKER": "redis",
            "REDIS_URL": broker,
            "QUERYDECK_UPSTREAM_HOSTS": sandbox.url.removeprefix("http://"),
        }
        with Product(tmp_path, "--no-sandbox", **settings) as product:
            product.wait_until_healthy()
            run_script(product, START_SCRIPT, sandbox.url)
            wait_until(
                lambda: run_script(product, STATUS_SCRIPT)["status"] == "succeeded",
                60,
                "success",
            )
            assert product.stop() == 0
    forget_wake_ups(broker)


def forget_wake_ups(url):
    """Empty the queue of an earlier test; skips where there is no Redis."""
    try:
        with closing(redis.from_url(url)) as client:
            client.delete("django_q:querydeck:q")
    except redis.ConnectionError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("there is no Redis at 127.0.0.1:6379")


def come_back(product, name):
    """Kill the leader of a group: a new one comes, and nothing of the old group stays."""
    before, leader = product.processes(name), product.child_process(name)
    leader.kill()
    wait_until(
        lambda: product.child_process(name) not in (None, leader), 30, f"a new {name}"
    )
    wait_until(
        lambda: not [one for one in before if one.is_running()],
        30,
        "the end of the old",
    )
