"""Settings from the environment: typed, listed, and never weak."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from dashboard import env

ROOT = Path(env.BASE_DIR)
STRONG = "t9Qv-3mZr7Lw_2xKp8Nd4Hs6Jf1Gb5Yc0AeUiOqWzXkVnRtMhPl"
OF_OTHERS = {"WEB_CONCURRENCY"}  # gunicorn's
# The same in every test process: it is part of test names.
FIELD_KEY = urlsafe_b64encode(sha256(b"a test's field key").digest()).decode()


@pytest.fixture
def give(monkeypatch):
    """Set variables; None removes one."""

    def set_all(**values):
        for name, value in values.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    return set_all


# What there is


def names_in(path):
    return re.findall(r"^([A-Z_]+)=", (ROOT / path).read_text(), re.M)


def test_the_example_lists_exactly_what_is_read():
    assert sorted(names_in(".env.example")) == sorted(env.VARIABLES)


def test_the_example_holds_no_secret():
    text = (ROOT / ".env.example").read_text()
    assert re.search(r"^SECRET_KEY=$", text, re.M)
    assert re.search(r"^QUERYDECK_FIELD_KEYS=$", text, re.M)
    assert re.search(r"^DATABASE_URL=$", text, re.M)


def test_the_readme_explains_every_variable():
    text = (ROOT / "README.md").read_text()
    assert [name for name in env.VARIABLES if f"`{name}`" not in text] == []


def test_nothing_else_is_read_from_the_environment():
    called = re.compile(r'(?:flag|integer|words|choice|environ\.get)\(\s*"([A-Z_]+)"')
    code = "".join(path.read_text() for path in (ROOT / "dashboard").glob("*.py"))
    assert set(called.findall(code)) - set(env.VARIABLES) <= OF_OTHERS


def test_no_file_holds_a_usable_key():
    key = re.compile(r"\b[A-Za-z0-9_-]{43}=(?![A-Za-z0-9=])")
    tracked = subprocess.run(
        ["git", "ls-files", "*.py", "*.yaml", "*.md", "*.toml", "*.html", "Dockerfile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    found = {name for name in tracked if key.search((ROOT / name).read_text())}
    assert found == set()


# Production refuses to start


def check(tmp_path, **given):
    """Run ``manage.py check`` as production would, from a place without local secrets."""
    variables = {
        "PATH": os.environ["PATH"],
        "QUERYDECK_DATA_DIR": str(tmp_path),
        "QUERYDECK_ALLOWED_HOSTS": "querydeck.example.com",
        "SECRET_KEY": STRONG,
        "QUERYDECK_FIELD_KEYS": FIELD_KEY,
    } | given
    code = (
        "import sys; from dashboard import env; "
        "env.load_local_secrets.__defaults__ = (env.BASE_DIR / 'none',); "
        "sys.argv = ['manage.py', 'check', *sys.argv[1:]]; import manage; manage.main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_starts_with_strong_secrets_and_passes_the_deploy_checks(tmp_path):
    done = check(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY is not set"),
        ({"SECRET_KEY": "change-me-" * 6}, "SECRET_KEY must be at least 50 random"),
        ({"QUERYDECK_FIELD_KEYS": None}, "QUERYDECK_FIELD_KEYS is not set"),
        ({"QUERYDECK_FIELD_KEYS": "A" * 43 + "="}, "default key"),
    ],
)
def test_production_refuses_to_start_without_good_secrets(tmp_path, given, sentence):
    done = check(tmp_path, **given)
    assert done.returncode != 0
    assert sentence in done.stderr
    for value in filter(None, given.values()):
        assert value not in done.stderr + done.stdout


# Each kind of variable


@pytest.mark.parametrize(
    "weak",
    [
        "",
        "short",
        "a" * 60,
        "abcabcabc" * 7,
        "django-insecure-" + STRONG,
        "change-me-" + STRONG,
        "changeme" + STRONG,
        "your-secret-key-" + STRONG,
        "example-" + STRONG,
        "PLACEHOLDER" + STRONG,
    ],
)
def test_a_weak_or_default_secret_is_refused(give, weak):
    give(SECRET_KEY=weak)
    with pytest.raises(ImproperlyConfigured) as caught:
        env.secret_key()
    assert STRONG not in str(caught.value)


def test_a_strong_secret_is_taken(give):
    give(SECRET_KEY=STRONG)
    assert env.secret_key() == STRONG


@pytest.mark.parametrize(
    "bad",
    ["", " , ", "not a key", FIELD_KEY[:-3], f"{FIELD_KEY},oops", "A" * 43 + "="],
)
def test_bad_field_keys_are_refused_without_being_repeated(give, bad):
    give(QUERYDECK_FIELD_KEYS=bad)
    with pytest.raises(ImproperlyConfigured, match="QUERYDECK_FIELD_KEYS") as caught:
        env.field_keys()
    assert FIELD_KEY not in str(caught.value)


def test_the_field_key_is_not_the_signing_key(give):
    give(SECRET_KEY=FIELD_KEY, QUERYDECK_FIELD_KEYS=FIELD_KEY)
    with pytest.raises(ImproperlyConfigured, match="repeats SECRET_KEY"):
        env.field_keys()


def test_several_field_keys_keep_their_order(give):
    second = Fernet.generate_key().decode()
    give(QUERYDECK_FIELD_KEYS=f" {second} , {FIELD_KEY},")
    assert env.field_keys() == [second, FIELD_KEY]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", True),
        ("1", True),
        ("Yes", True),
        ("on", True),
        ("0", False),
        ("OFF", False),
    ],
)
def test_flags(give, text, value):
    give(QUERYDECK_HTTPS=text)
    assert env.boolean("QUERYDECK_HTTPS", default=True) is value


def test_a_flag_that_is_neither_is_refused(give):
    give(QUERYDECK_HTTPS="maybe")
    with pytest.raises(ImproperlyConfigured, match="QUERYDECK_HTTPS must be yes or no"):
        env.boolean("QUERYDECK_HTTPS", default=True)


def test_integers_have_bounds(give):
    give(QUERYDECK_WORKERS="")
    assert env.integer("QUERYDECK_WORKERS", default=4) == 4
    give(QUERYDECK_WORKERS=" 7 ")
    assert env.integer("QUERYDECK_WORKERS", default=4) == 7
    for bad in ("2", "65", "-3", "4.5", "many"):
        give(QUERYDECK_WORKERS=bad)
        with pytest.raises(ImproperlyConfigured, match="from 3 to 64"):
            env.integer("QUERYDECK_WORKERS", default=4, minimum=3, maximum=64)


def test_a_choice_is_one_of_those_on_offer(give):
    give(QUERYDECK_BROKER="Redis")
    assert env.choice("QUERYDECK_BROKER", "orm", "redis") == "redis"
    give(QUERYDECK_BROKER="kafka")
    with pytest.raises(ImproperlyConfigured, match="orm, redis"):
        env.choice("QUERYDECK_BROKER", "orm", "redis")


def test_hosts_are_named_and_this_machine_may_always_ask_itself(give):
    give(QUERYDECK_ALLOWED_HOSTS="querydeck.example.com, desk.example.com")
    hosts = env.allowed_hosts(debug=False)
    assert hosts[:2] == ["querydeck.example.com", "desk.example.com"]
    assert "localhost" in hosts
    give(QUERYDECK_ALLOWED_HOSTS="*")
    with pytest.raises(ImproperlyConfigured, match="must name hosts"):
        env.allowed_hosts(debug=False)
    assert "*" in env.allowed_hosts(debug=True)


@pytest.mark.parametrize(
    "bad", ["https://x.example", "x.example/path", "user@x.example", "/", "a b"]
)
def test_upstream_hosts_are_hosts_and_ports_only(give, bad):
    give(QUERYDECK_UPSTREAM_HOSTS="127.0.0.1:4010, x.example")
    assert env.upstream_hosts() == ["127.0.0.1:4010", "x.example"]
    give(QUERYDECK_UPSTREAM_HOSTS=bad)
    with pytest.raises(ImproperlyConfigured, match=r"not host\[:port\]"):
        env.upstream_hosts()


def test_sqlite_is_set_up_for_several_writers(give, tmp_path):
    give(DATABASE_URL=None)
    config = env.database(tmp_path)
    assert config["NAME"] == str(tmp_path / "querydeck.sqlite3")
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in config["OPTIONS"]["init_command"]


def test_postgresql_comes_from_its_url_with_kept_connections(give, tmp_path):
    give(DATABASE_URL="postgres://desk:pw@db:5432/desk")
    config = env.database(tmp_path)
    assert config["ENGINE"] == "django.db.backends.postgresql"
    assert (config["HOST"], config["CONN_HEALTH_CHECKS"]) == ("db", True)


def test_the_redis_broker_needs_its_url(give):
    give(QUERYDECK_BROKER="redis", REDIS_URL="")
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL is not set"):
        env.cluster()
    give(REDIS_URL="redis://127.0.0.1:6379/0", QUERYDECK_WORKERS="3")
    cluster = env.cluster().as_dict()
    assert cluster["redis"] == "redis://127.0.0.1:6379/0"
    assert "orm" not in cluster
    assert cluster["retry"] > cluster["timeout"]


def test_local_secrets_fill_in_only_what_is_not_set(give, tmp_path):
    path = tmp_path / "secrets.env"
    path.write_text("SECRET_KEY=from-the-file\nQUERYDECK_FIELD_KEYS=also\n")
    give(SECRET_KEY=STRONG, QUERYDECK_FIELD_KEYS=FIELD_KEY)
    env.load_local_secrets(path)
    assert os.environ["SECRET_KEY"] == STRONG
    give(SECRET_KEY=None)
    env.load_local_secrets(path)
    assert os.environ["SECRET_KEY"] == "from-the-file"
    assert os.environ["QUERYDECK_FIELD_KEYS"] == FIELD_KEY
