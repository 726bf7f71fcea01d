"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.paths import ROOT

CODE = sorted(
    path
    for folder in ("dashboard", "dataprime", "queries", "sandbox")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
TREES = {path: ast.parse(path.read_text()) for path in CODE}
INLINE_CODE = (
    r"<script(?![^>]*\bsrc=)(?![^>]*application/json)"
    r"|<style|\sstyle=|\son[a-z]+=|hx-on|javascript:"
    r"|\|\s*safe\b|autoescape off"
)
MAX_COLUMNS = 120
MAX_MODULE_LINES = 450
MAX_FUNCTION_LINES = 40


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def offenders(pattern: str) -> list[str]:
    """List ``file:line`` of every match in the templates."""
    return [
        f"{name(path)}:{text.count(chr(10), 0, match.start()) + 1}"
        for path, text in ((path, path.read_text()) for path in TEMPLATES)
        for match in re.finditer(pattern, text)
    ]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    body = function.body
    documented = ast.get_docstring(function) is not None
    docstring = body[0].end_lineno - body[0].lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - docstring


def test_a_module_can_be_read_in_one_sitting():
    lines = {name(path): len(path.read_text().splitlines()) for path in CODE}
    assert {n: k for n, k in lines.items() if k > MAX_MODULE_LINES} == {}


def test_a_function_fits_on_a_screen():
    functions = {
        f"{name(path)}:{node.lineno} {node.name}": length(node)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {n: k for n, k in functions.items() if k > MAX_FUNCTION_LINES} == {}


def test_a_module_says_what_it_is_for():
    assert [name(p) for p, tree in TREES.items() if not ast.get_docstring(tree)] == []


def test_a_template_has_no_inline_code_and_trusts_no_data():
    assert offenders(INLINE_CODE) == []


def test_a_template_asks_no_other_host_for_anything():
    assert offenders(r"""(src|href|action)=["'](https?:)?//""") == []


def test_a_line_of_a_template_fits_in_120_columns():
    assert offenders(rf"(?m)^.{{{MAX_COLUMNS + 1},}}$") == []


def test_nothing_marks_data_as_safe():
    trusting = [name(path) for path in CODE if "mark_safe(" in path.read_text()]
    assert trusting in ([], ["queries/templatetags/querydeck.py"])
