"""No id that is empty or could change a path ever reaches the wire; `break/` is built by one function only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queries.providers.base import FileOptions
from queries.providers.errors import NotFoundError
from queries.providers.saf import paths
from tests.providers.saf.conftest import ROOT
from tests.scripted_server import json_reply

PACKAGE = Path(paths.__file__).parent
ODD = ["", " ", "\t", ".", "..", "...", "a/b", "../x", "a?b", "a#b", "a%2fb", "%2e%2e", "a\\b", "é", "a\n", "a b", "/", "x" * 201]  # fmt: skip
ABOUT_ONE = {
    "status": lambda provider, job: provider.status(job),
    "rows": lambda provider, job: provider.rows(job),
    "cancel": lambda provider, job: provider.cancel(job),
    "delete": lambda provider, job: provider.delete(job),
    "logs": lambda provider, job: provider.logs(job),
    "file": lambda provider, job: provider.make_file(job, FileOptions("csv", "x")),
}


@pytest.mark.parametrize("call", ABOUT_ONE)
@pytest.mark.parametrize("job_id", ODD)
def test_an_odd_id_never_reaches_the_wire(provider, upstream, call, job_id):
    with pytest.raises(NotFoundError) as refused:
        ABOUT_ONE[call](provider, job_id)
    assert refused.value.code == "not_an_id"
    assert upstream.requests == []


@given(job_id=st.text(max_size=30) | st.from_regex(r"[./%\\?#a]{1,6}"))
@settings(max_examples=400)
def test_whatever_the_id_the_path_names_one_task_or_is_not_built(job_id):
    for verb in ("status", "response", "logs", "break", "delete", "file_download"):
        try:
            path = paths.job_path(verb, job_id)
        except NotFoundError:
            continue
        before, found = path.rsplit("/", 1)
        assert before == f"{ROOT}/{verb}"
        assert found
        assert set(found) - {"."}
        assert not set(found) & set("/?#\\ ")


@given(job_id=st.text(max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_no_id_whatever_cancels_everything(provider, upstream, job_id):
    upstream.on("*", json_reply({"acknowledged": True}))
    try:
        provider.cancel(job_id)
    except NotFoundError:
        return
    path = upstream.requests[-1].path
    assert path.startswith(f"{ROOT}/break/")
    assert path.rstrip("/") != f"{ROOT}/break"


def test_an_id_as_opensearch_makes_them_is_sent_encoded(provider, upstream):
    upstream.on("*", json_reply({"status": "RUNNING"}))
    provider.status("FklfVlU4eFdIUTh1Q1hyM3ZnT19fUVEUd29j+A==")
    assert upstream.requests[0].target == (
        f"{ROOT}/status/FklfVlU4eFdIUTh1Q1hyM3ZnT19fUVEUd29j%2BA%3D%3D"
    )


def test_only_cancel_all_asks_for_the_end_of_everything(provider, upstream):
    upstream.on("*", json_reply({"acknowledged": True}))
    provider.cancel_all()
    request = upstream.requests[0]
    assert (request.method, request.target) == ("POST", f"{ROOT}/break/")
    callers = [
        (path.name, function.name)
        for path in PACKAGE.glob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute | ast.Name)
        and "cancel_all_path" in ast.unparse(node)
    ]
    assert set(callers) == {("provider.py", "cancel_all")}
    assert [p.name for p in PACKAGE.glob("*.py") if "/break" in p.read_text()] == ["paths.py"]  # fmt: skip
