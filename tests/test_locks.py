"""Lock files: each pins everything that its packages need, so that an install never resolves anything."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from itertools import product

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.paths import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
#: Locks of packages that are not installed beside the tests; `make bench` checks them with pip.
NOT_INSTALLED = {"bench.txt"}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = (
    ("linux", "Linux", "posix"),
    ("darwin", "Darwin", "posix"),
    ("win32", "Windows", "nt"),
)


def environments() -> list[dict[str, str]]:
    """Marker environments of every supported Python on every platform."""
    return [
        {
            **default_environment(),
            "python_version": python,
            "python_full_version": f"{python}.0",
            "sys_platform": platform,
            "platform_system": system,
            "os_name": os_name,
        }
        for python, (platform, system, os_name) in product(PYTHONS, PLATFORMS)
    ]


def pins(text: str) -> list[Requirement]:
    """The requirements of a lock file, without hashes and comments."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    entries = [line.split(" --hash")[0].split("#")[0].strip() for line in lines]
    return [Requirement(entry) for entry in entries if entry]


def applies(requirement: Requirement, environment: dict[str, str], extra: str) -> bool:
    """Tell whether a requirement's marker holds in an environment, for one extra of the package that declares it."""
    marker = requirement.marker
    return marker is None or marker.evaluate(environment | {"extra": extra})


def declared(name: str) -> list[Requirement]:
    """The requirements in the installed metadata of a package; empty if it is not installed here."""
    try:
        return [Requirement(line) for line in requires(name) or []]
    except PackageNotFoundError:
        return []


def missing(
    locked: list[Requirement],
    roots: list[Requirement],
    environment: dict[str, str],
) -> set[str]:
    """What the closure of ``roots`` needs in an environment and the lock does not pin."""
    pinned = {
        canonicalize_name(pin.name): pin
        for pin in locked
        if applies(pin, environment, "")
    }
    lacking: set[str] = set()
    seen: set[tuple[str, str]] = set()
    queue = [(root, "") for root in roots]
    while queue:
        requirement, extra = queue.pop()
        if not applies(requirement, environment, extra):
            continue
        name = canonicalize_name(requirement.name)
        pin = pinned.get(name)
        if pin is None:
            lacking.add(str(requirement))
            continue
        exact = next(iter(pin.specifier)).version
        if not requirement.specifier.contains(exact, prereleases=True):
            lacking.add(f"{requirement} (pinned: {exact})")
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                queue += [(needed, wanted) for needed in declared(name)]
    return lacking


def project_requirements(*groups: str) -> list[Requirement]:
    """The dependencies of pyproject.toml and of its dependency groups."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = list(project["project"]["dependencies"])
    for group in groups:
        lines += project["dependency-groups"][group]
    return [Requirement(line) for line in lines]


ROOTS = {"base.txt": project_requirements(), "dev.txt": project_requirements("dev")}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_to_one_version_with_hashes(path):
    text = path.read_text()
    locked = pins(text)
    assert locked
    assert [
        str(pin) for pin in locked if not re.match(r"==[^*]+$", str(pin.specifier))
    ] == []
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", text.strip())
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_every_lock_is_checked():
    assert {path.name for path in LOCKS} == {*ROOTS, *NOT_INSTALLED}


@pytest.mark.parametrize("lock", ROOTS)
def test_a_lock_pins_all_that_its_packages_need(lock):
    locked = pins((ROOT / "requirements" / lock).read_text())
    lacking = {
        (environment["python_version"], environment["sys_platform"], entry)
        for environment in environments()
        for entry in missing(locked, [*ROOTS[lock], *locked], environment)
    }
    assert lacking == set()


def test_the_metadata_that_is_checked_is_that_of_the_pinned_versions():
    locked = pins((ROOT / "requirements" / "dev.txt").read_text())
    here = [pin for pin in locked if applies(pin, default_environment(), "")]
    differing = {
        pin.name: version(pin.name)
        for pin in here
        if not pin.specifier.contains(version(pin.name), prereleases=True)
    }
    assert differing == {}


@pytest.mark.parametrize(
    ("removed", "reported"),
    [
        ("sqlparse", "sqlparse"),  # needed by django
        ("psycopg-binary", "psycopg-binary"),  # needed by the extra psycopg[binary]
        ("python-ipware", "python-ipware"),  # needed by an extra's requirement
        ("execnet", "execnet"),  # needed by pytest-xdist
    ],
)
def test_a_missing_pin_is_found(removed, reported):
    locked = pins((ROOT / "requirements" / "dev.txt").read_text())
    fewer = [pin for pin in locked if canonicalize_name(pin.name) != removed]
    assert len(fewer) == len(locked) - 1
    lacking = missing(fewer, [*ROOTS["dev.txt"], *fewer], default_environment())
    assert any(reported in canonicalize_name(entry) for entry in lacking)


def test_a_pin_outside_the_declared_range_is_found():
    locked = pins((ROOT / "requirements" / "base.txt").read_text())
    changed = [
        Requirement("asgiref==1.0") if pin.name == "asgiref" else pin for pin in locked
    ]
    lacking = missing(changed, ROOTS["base.txt"], default_environment())
    assert any("asgiref" in entry and "pinned: 1.0" in entry for entry in lacking)


def test_a_pin_for_too_few_platforms_is_found():
    locked = pins((ROOT / "requirements" / "base.txt").read_text())
    changed = [
        Requirement("sqlparse==0.6.0; sys_platform == 'win32'")
        if pin.name == "sqlparse"
        else pin
        for pin in locked
    ]
    linux = next(one for one in environments() if one["sys_platform"] == "linux")
    lacking = missing(changed, ROOTS["base.txt"], linux)
    assert any("sqlparse" in entry for entry in lacking)


@pytest.mark.parametrize("path", ["Makefile", "Dockerfile"])
def test_a_lock_is_installed_without_resolving(path):
    text = re.sub(r"\\\n", " ", (ROOT / path).read_text())
    installs = [line for line in text.splitlines() if "--require-hashes" in line]
    assert installs
    assert [line for line in installs if "--no-deps" not in line] == []
    assert not re.search(r"pip install (?!.*--require-hashes)", text)
