"""The secrets of an installation: generated once, readable by their owner only."""

from __future__ import annotations

import os
import runpy
import stat
import sys

import environ
from cryptography.fernet import Fernet

from dashboard import env
from dashboard.secrets import ensure_secrets


def read(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_secrets_are_generated_for_their_owner_only(tmp_path):
    path = tmp_path / "var" / "secrets.env"
    before = os.umask(0)
    try:
        assert ensure_secrets(path) is True
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_they_are_never_overwritten(tmp_path):
    path = tmp_path / "secrets.env"
    ensure_secrets(path)
    first = path.read_text()
    assert ensure_secrets(path) is False
    assert path.read_text() == first


def test_they_differ_from_each_other_and_between_installations(tmp_path):
    ensure_secrets(tmp_path / "a")
    ensure_secrets(tmp_path / "b")
    values = [*read(tmp_path / "a").values(), *read(tmp_path / "b").values()]
    assert len(set(values)) == 4


def test_what_is_generated_passes_the_start_up_checks(tmp_path, monkeypatch):
    path = tmp_path / "secrets.env"
    ensure_secrets(path)
    for name in ("SECRET_KEY", "QUERYDECK_FIELD_KEYS"):
        monkeypatch.delenv(name)
    environ.Env.read_env(path)
    assert len(env.secret_key()) >= env.MIN_SECRET_LENGTH
    assert Fernet(env.field_keys()[0])
    for name in ("SECRET_KEY", "QUERYDECK_FIELD_KEYS"):
        monkeypatch.delenv(name)


def test_the_command_says_where_they_are_and_not_what(tmp_path, monkeypatch, capsys):
    path = tmp_path / "secrets.env"
    monkeypatch.setattr(env, "LOCAL_SECRETS", path)
    monkeypatch.delitem(sys.modules, "dashboard.secrets")
    runpy.run_module("dashboard.secrets", run_name="__main__")
    said = capsys.readouterr().out
    assert str(path) in said
    assert not any(value in said for value in read(path).values())
    runpy.run_module("dashboard.secrets", run_name="__main__")
    assert capsys.readouterr().out == ""
