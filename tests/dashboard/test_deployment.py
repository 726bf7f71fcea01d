"""The image and the compose file cannot be built here; what can be checked of them, is."""

from __future__ import annotations

import re
import shlex

import pytest

from dashboard.env import VARIABLES
from tests.paths import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
OF_OTHERS = {
    "PATH",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_NO_CACHE_DIR",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    "POSTGRES_USER",
    "POSTGRES_DB",
    "POSTGRES_PASSWORD",
}


def copied() -> list[str]:
    lines = [
        shlex.split(line)[1:]
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY ")
    ]
    return [
        path
        for words in lines
        if not words[0].startswith("--from")
        for path in words[:-1]
    ]


@pytest.mark.parametrize("path", copied())
def test_what_the_image_copies_exists(path):
    assert (ROOT / path).exists()


def test_the_image_holds_all_that_the_product_imports():
    assert {
        "manage.py",
        "dashboard",
        "dataprime",
        "queries",
        "templates",
        "static",
    } <= set(copied())


def test_the_image_does_not_run_as_root():
    steps = [
        line for line in DOCKERFILE.splitlines() if line.startswith(("USER", "CMD"))
    ]
    assert steps[0] == "USER querydeck"


def test_the_image_has_a_health_check():
    assert "HEALTHCHECK" in DOCKERFILE
    assert "/healthz" in DOCKERFILE


def test_every_environment_variable_is_known():
    lines = [line[4:] for line in DOCKERFILE.splitlines() if line.startswith("ENV ")]
    of_image = set(re.findall(r"\b([A-Z][A-Z0-9_]+)=", "\n".join(lines)))
    of_compose = set(re.findall(r"^\s+([A-Z][A-Z0-9_]+):", COMPOSE, re.M))
    of_compose |= set(re.findall(r"\$\{([A-Z0-9_]+)", COMPOSE))
    assert of_image | of_compose <= set(VARIABLES) | OF_OTHERS


def test_no_secret_has_a_default_in_the_compose_file():
    for secret in ("SECRET_KEY", "QUERYDECK_FIELD_KEYS", "POSTGRES_PASSWORD"):
        assert f"${{{secret}:?" in COMPOSE
        assert f"${{{secret}:-" not in COMPOSE


def test_the_lock_files_pin_by_hash_and_name_no_index():
    for name in ("base.txt", "dev.txt"):
        text = (ROOT / "requirements" / name).read_text()
        pins = re.findall(r"^[a-z0-9][^\s=]*==", text, re.M)
        assert text.count("--hash=sha256:") >= len(pins) > 0
        assert "http" not in re.sub(r"^(httpcore|httpx)==|#.*", "", text, flags=re.M)
