"""The look keeps its promises: contrast in both themes, size, a strict CSP, one source of icons."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from queries.templatetags.querydeck import ICONS
from tests.paths import ROOT

STYLES = sorted(ROOT.glob("static/css/*.css"))
SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))
CSS = "\n".join(path.read_text() for path in STYLES)
JS = "\n".join(path.read_text() for path in SCRIPTS)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", CSS
    )
}
SURFACES = ("bg", "surface", "sunken", "hover")
TONES = ("ok", "info", "warn", "bad", "grave", "violet", "plain")
CODE = ("code-string", "code-keyword", "code-number", "code-key")
TEXT_PAIRS = [
    *product(("text", "muted", "faint", "accent", "accent-strong", *TONES, *CODE), SURFACES),
    *((tone, f"{tone}-soft") for tone in TONES),
    *product(("text", "muted"), (f"{tone}-soft" for tone in (*TONES, "accent"))),
    *product(("accent", "accent-strong", "faint", *TONES, *CODE), ("accent-soft",)),
    *product((*CODE, "faint"), ("bad-soft",)),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-bad", "bad-solid"),
]  # fmt: skip


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    r, g, b = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    )
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def worst(front: str, back: str) -> float:
    """The lower contrast of the two themes."""
    return min(map(contrast, TOKENS[front], TOKENS[back]))


def test_the_ruler_is_right():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_every_text_is_readable_in_both_themes():
    poor = {pair: round(worst(*pair), 2) for pair in TEXT_PAIRS if worst(*pair) < 4.5}
    assert poor == {}


def test_controls_and_focus_stand_out_in_both_themes():
    pairs = product(("field-line", "focus"), SURFACES)
    assert {pair for pair in pairs if worst(*pair) < 3} == set()


def test_every_token_used_exists():
    made = set(re.findall(r"(--[\w-]+):", CSS)) | set(re.findall(r'"(--[\w-]+)"', JS))
    assert set(re.findall(r"var\((--[\w-]+)", CSS)) <= made


def loaded_by(template: str) -> set[Path]:
    """Our own styles and scripts that a page loads, with what these import."""
    path = ROOT / "templates" / template
    text = path.read_text() if path in TEMPLATES else ""  # Django's own load nothing
    names = re.findall(r"""{% static ["']((?:css|js)/[^"']+)["']""", text)
    files = {ROOT / "static" / name for name in names}
    for base in re.findall(r"""{% (?:extends|include) "([^"]+)""", text):
        files |= loaded_by(base)
    return files.union(*(imported_by(file) for file in files & set(SCRIPTS)))


def imported_by(script: Path) -> set[Path]:
    """The modules that a script imports, directly or not."""
    names = re.findall(
        r"""(?m)^import (?:.* from )?["'](.+?)["'];""", script.read_text()
    )
    files = {(script.parent / name).resolve() for name in names}
    return files.union(*(imported_by(file) for file in files))


def test_our_own_css_and_js_stay_small():
    assert sum(path.stat().st_size for path in (*STYLES, *SCRIPTS)) <= 90_000


@pytest.mark.parametrize(
    "template", [str(path.relative_to(ROOT / "templates")) for path in TEMPLATES]
)
def test_no_page_loads_much_of_it(template: str):
    assert sum(path.stat().st_size for path in loaded_by(template)) <= 72_500


def test_a_page_of_rows_loads_what_is_for_rows_and_no_other_page_does():
    rows, form, other = map(
        loaded_by,
        ("queries/run_detail.html", "queries/run_new.html", "queries/run_list.html"),
    )
    entries = [
        {path.name for path in files if path.parent.name in {"css", "js"}}
        for files in (rows, form, other)
    ]
    assert entries == [
        {"app.css", "app.js", "explore.css", "explore.js"},
        {"app.css", "app.js", "editor.css", "editor.js"},
        {"app.css", "app.js", "lists.css"},
    ]
    modules = [
        {path.parent.name for path in files} - {"css", "js"}
        for files in (rows, form, other)
    ]
    assert modules == [{"app", "explore"}, {"app"}, {"app"}]


@pytest.mark.parametrize(
    ("template", "script"),
    [("components/_head.html", "app"), ("queries/_explore_head.html", "explore")],
)
def test_modules_are_preloaded_not_found_one_after_the_other(template, script):
    text = (ROOT / "templates" / template).read_text()
    preloaded = re.findall(r"""modulepreload" href="{% static ["'](.+?)["']""", text)
    needed = imported_by(ROOT / "static" / "js" / f"{script}.js")
    own = {path for path in needed if path.parent.name == script}
    assert {ROOT / "static" / name for name in preloaded} == own


def test_nothing_comes_from_elsewhere():
    for text in (CSS, JS, *(path.read_text() for path in TEMPLATES)):
        found = re.findall(
            r"""(?:src|href|url\(|import)\s*[=(]?\s*["']?(?:https?:)?//[^"' )]+""", text
        )
        assert found == []


@pytest.mark.parametrize(
    "path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_template_needs_nothing_that_the_csp_forbids(path: Path):
    text = path.read_text()
    assert not re.search(r"""\s(?:style|on\w+|hx-on[\w:.-]*)\s*=""", text)
    assert not re.search(r"<style|javascript:|hx-vals=.js:", text)
    # An event filter is evaluated; a selector after from: is not.
    assert not re.search(r"""hx-trigger="(?:[^"]*,\s*)?[\w:.-]+\[""", text)
    assert all(
        "src=" in tag for tag in re.findall(r"<script[^>]*>", text) if "json" not in tag
    )
    assert "|safe" not in text


def test_every_icon_named_in_a_template_is_vendored():
    named = {
        name
        for path in TEMPLATES
        for name in re.findall(r"""(?:{% icon |icon=|pager_link [^ ]+ )["']([\w-]+)["']""", path.read_text())
    }  # fmt: skip
    assert named - {path.stem for path in ICONS.glob("*.svg")} == set()
    assert named


@pytest.mark.parametrize(
    "vendored", sorted((ROOT / "static/vendor").iterdir()), ids=lambda path: path.name
)
def test_what_is_vendored_names_its_version_and_licence(vendored: Path):
    assert re.fullmatch(r"[\w.-]+@\d+\.\d+\.\d+", vendored.name)
    assert (vendored / "LICENSE").is_file()
