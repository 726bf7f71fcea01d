"""The version: one number, told by the command line, the pages and the package."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib

import pytest
from django.template.loader import render_to_string
from django.urls import reverse

from dashboard import __version__


def test_the_version_is_that_of_the_package(settings):
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        packaged = tomllib.load(file)["project"]["version"]
    assert packaged == __version__ == settings.VERSION


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_the_command_line_prints_it_without_settings(settings, argument):
    done = subprocess.run(
        [sys.executable, "manage.py", argument],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"querydeck {__version__}\n"


def test_the_footer_of_a_page_shows_it(page):
    text = page.get(reverse("run_list")).text
    assert f'<footer class="page-foot">Querydeck {__version__}</footer>' in text


@pytest.mark.django_db
def test_the_footer_of_the_sign_in_page_shows_it(client):
    assert f"Querydeck {__version__}" in client.get(reverse("login")).text


def test_an_error_page_without_context_has_no_empty_version():
    assert "<br>Querydeck" not in render_to_string("500.html")
