"""An installation of each earlier release is upgraded, and everything in it can still be read."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from dashboard import __version__
from tests.upgrade.release import HERE, ROOT, executed, observed

RELEASES = sorted(path.name for path in HERE.iterdir() if path.name[0].isdigit())


def expected_of(release: str) -> dict[str, Any]:
    """What the release itself showed."""
    loaded: dict[str, Any] = json.loads((HERE / release / "expected.json").read_text())
    return loaded


@pytest.fixture(scope="module", params=RELEASES)
def upgraded(request, tmp_path_factory) -> tuple[dict[str, Any], dict[str, Any]]:
    """The record of a release, and what the present code shows after the migrations."""
    release = request.param
    place = tmp_path_factory.mktemp(f"from-{release}")
    with tarfile.open(HERE / release / "installation.tar.xz") as archive:
        archive.extractall(place, filter="data")
    executed(place, "manage.py", "migrate", "--verbosity", "0")
    return expected_of(release), observed(place)


def differences(recorded: Any, shown: Any, where: str = "") -> Iterator[str]:
    """Where what is shown now differs from the record; what the record does not mention may be there."""
    if isinstance(recorded, dict) and isinstance(shown, dict):
        for name, value in recorded.items():
            yield from differences(value, shown.get(name), f"{where}/{name}")
    elif recorded != shown:
        yield f"{where}: {str(recorded)[:300]} became {str(shown)[:300]}"


KINDS = ("users", "teams", "connections", "saved_queries", "runs", "exports")


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_shown_as_before(upgraded, kind):
    expected, seen = upgraded
    recorded = expected["observed"][kind]
    assert recorded
    assert list(differences(recorded, seen[kind])) == []


def test_every_page_can_be_read(upgraded):
    _expected, seen = upgraded
    assert seen["problems"] == []


def test_the_keys_are_those_that_were_typed(upgraded):
    expected, seen = upgraded
    keys = {name: one["key"] for name, one in seen["connections"].items()}
    assert keys == expected["keys"]


def test_every_stored_row_is_read(upgraded):
    _expected, seen = upgraded
    results = [run["result"] for run in seen["runs"].values() if run["result"]]
    full = [result for result in results if result["row_count"]]
    assert full
    for result in full:
        assert result["rows"] == result["originals"] == result["row_count"]
        assert result["row_panels"] > 0


def test_files_are_downloaded_byte_for_byte(upgraded):
    _expected, seen = upgraded
    for export in seen["exports"].values():
        assert export["downloaded_sha256"] == export["sha256"], export["file_name"]


@pytest.mark.parametrize("release", RELEASES)
def test_a_fixture_holds_every_kind_of_run(release):
    runs = expected_of(release)["observed"]["runs"].values()
    assert {run["mode"] for run in runs} >= {"direct", "background", "refine"}
    assert {run["status"] for run in runs} >= {"succeeded", "failed", "cancelled", "queued"}  # fmt: skip
    parts = {run["result"]["parts"] for run in runs if run["result"]}
    assert {1, 2} <= parts


def test_every_earlier_release_has_a_fixture():
    headings = re.findall(r"(?m)^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text())  # fmt: skip
    assert headings
    assert sorted(set(headings) - {__version__}) == RELEASES


def test_the_changelog_begins_with_the_coming_release():
    first = re.search(r"(?m)^## (\S+)", (ROOT / "CHANGELOG.md").read_text())[1]
    assert first == __version__
