"""Static files as production serves them: named by their content, also inside the modules that import them."""

from __future__ import annotations

import re

import pytest
from django.contrib.staticfiles import finders
from django.core.files.storage import FileSystemStorage
from django.test import override_settings

from dashboard.static_files import StaticFilesStorage

HASHED = re.compile(r"\.[0-9a-f]{12}\.js$")
IMPORT = re.compile(r"""(?m)^import (?:.* from )?["'](.+?)["'];""")


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """Our own scripts as collectstatic leaves them, in a directory of their own."""
    root = tmp_path_factory.mktemp("staticfiles")
    with override_settings(STATIC_ROOT=str(root), DEBUG=False):
        storage = StaticFilesStorage(location=str(root))
        paths = {}
        for finder in finders.get_finders():
            for path, source in finder.list([]):
                if path.startswith("js/"):
                    with source.open(path) as content:
                        FileSystemStorage(location=str(root)).save(path, content)
                    paths[path] = (storage, path)
        results = list(storage.post_process(paths))
    assert [error for _, _, error in results if isinstance(error, Exception)] == []
    return root, storage.hashed_files


def test_every_module_imports_the_hashed_names_that_the_page_loads(collected):
    root, hashed = collected
    served = {(root / name).resolve() for name in hashed.values()}
    assert len(served) == len(hashed) > 10
    imported = {
        (path.parent / name).resolve()
        for path in served
        for name in IMPORT.findall(path.read_text())
    }
    assert imported
    assert imported <= served
    assert all(HASHED.search(path.name) for path in imported)
