"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.paths import ROOT

CODE = sorted(
    path
    for folder in ("dashboard", "dataprime", "queries", "sandbox")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
)
MARKUP = sorted((ROOT / "templates").rglob("*.html"))
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 40


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    body = function.body
    documented = ast.get_docstring(function) is not None
    docstring = body[0].end_lineno - body[0].lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - docstring


@pytest.mark.parametrize("path", CODE, ids=name)
def test_a_module_can_be_read_in_one_sitting(path):
    assert len(path.read_text().splitlines()) <= MAX_MODULE_LINES


@pytest.mark.parametrize("path", CODE, ids=name)
def test_a_function_fits_on_a_screen(path):
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = {node.name: length(node) for node in functions}
    assert {n: k for n, k in long.items() if k > MAX_FUNCTION_LINES} == {}


@pytest.mark.parametrize("path", CODE, ids=name)
def test_a_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", MARKUP, ids=name)
def test_a_template_has_no_inline_code_and_trusts_no_data(path):
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:", text)
    assert not re.search(r"\|\s*safe\b|autoescape off", text)


@pytest.mark.parametrize("path", MARKUP, ids=name)
def test_a_template_asks_nobody_else_for_anything(path):
    assert not re.search(r"""(src|href|action)=["'](https?:)?//""", path.read_text())


def test_nothing_marks_data_as_safe():
    trusting = [name(path) for path in CODE if "mark_safe(" in path.read_text()]
    assert trusting in ([], ["queries/templatetags/querydeck.py"])
