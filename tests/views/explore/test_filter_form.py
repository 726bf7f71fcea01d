"""The form of a new filter: what is typed is meant on the reader's clock, and what it lacks is said."""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from tests.markup import one_line
from tests.stored_results import log_rows, stored_run
from tests.views.explore.test_results import numbers

TIME = "$m.timestamp"


@pytest.fixture
def run(user):
    return stored_run(log_rows(250), owner=user, statement="source logs")


def grid(run, **query):
    return reverse("run_results", args=[run.pk], query=query)


def asked_of(response) -> list[list[str]]:
    query = parse_qs(urlsplit(response["Location"]).query)
    return [json.loads(text) for text in query["f"]]


@pytest.fixture
def in_kolkata(user):
    user.time_zone = "Asia/Kolkata"
    user.save()


@pytest.mark.usefixtures("in_kolkata")
def test_not_a_typed_minute_leaves_out_that_minute_of_the_readers_clock(page, run):
    response = page.get(grid(run, fc=TIME, fo="not", fv="2026-06-19 05:31"))
    assert asked_of(response) == [
        ["not", TIME, "2026-06-19T00:01:00.000Z/2026-06-19T00:01:59.999Z"]
    ]
    shown = page.get(response["Location"] + "&size=500")
    assert numbers(shown) == [*range(1, 61), *range(121, 251)]
    assert f"{TIME} is not 2026-06-19 05:31 to 2026-06-19 05:31:59.999" in shown.text


@pytest.mark.usefixtures("in_kolkata")
def test_a_typed_hour_is_that_hour_and_several_times_are_each_their_own(page, run):
    response = page.get(grid(run, fc=TIME, fo="is", fv="2026-06-19 05"))
    assert asked_of(response) == [
        ["between", TIME, "2026-06-18T23:30:00.000Z", "2026-06-19T00:29:59.999Z"]
    ]
    response = page.get(
        grid(run, fc=TIME, fo="is", fv=["2026-06-19 05:31", "2026-06-19 05:32"])
    )
    assert [len(values) for _, _, *values in asked_of(response)] == [2]
    assert numbers(page.get(response["Location"] + "&size=500")) == [*range(61, 181)]


@pytest.mark.usefixtures("in_kolkata")
def test_where_times_are_shown_in_utc_they_are_typed_in_utc(page, run):
    form = page.get(
        reverse("run_condition", args=[run.pk], query={"fc": TIME, "view": "tz=utc"})
    )
    assert "(UTC)" in form.text
    response = page.get(grid(run, fc=TIME, fo="not", fv="2026-06-19 00:01", tz="utc"))
    assert asked_of(response)[0][2].startswith("2026-06-19T00:01:00.000Z/")
    form = page.get(reverse("run_condition", args=[run.pk], query={"fc": TIME}))
    assert "(Asia/Kolkata)" in form.text


LACKS = [
    ({"fc": "$d.message", "fo": "is", "fv": ""}, "Enter a value. To find rows without one, use “is empty”."),
    ({"fc": "$d.message", "fo": "contains", "fv": "  "}, "Enter a value."),
    ({"fc": "$d.n", "fo": "between", "fv": "", "fw": ""}, "Enter a minimum, a maximum or both."),
    ({"fc": "$d.n", "fo": "is", "fv": "many"}, "“many” is not a number."),
    ({"fc": "$d.n", "fo": "between", "fv": "1", "fw": "ten"}, "“ten” is not a number."),
    ({"fc": TIME, "fo": "not", "fv": "yesterday"}, "“yesterday” is not a time."),
]  # fmt: skip


@pytest.mark.parametrize(("filled", "words"), LACKS)
def test_what_a_filter_lacks_is_said_at_its_form_without_a_script(
    page, run, filled, words
):
    response = page.get(grid(run, sort="$d.n", **filled))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("run_condition", args=[run.pk]))
    text = one_line(unescape(page.get(response["Location"]).text))
    assert words in text
    assert 'aria-invalid="true"' in text
    assert f'<option value="{filled["fo"]}" selected>' in text
    assert f'name="fv" value="{filled["fv"]}"' in text
    assert '<input type="hidden" name="sort" value="$d.n">' in text
    assert '?sort=%24d.n">Back to the rows' in text


@pytest.mark.parametrize(
    ("form", "named"), [("condition-form", False), ("condition-named", True)]
)
def test_with_a_script_the_form_comes_back_in_its_place(page, run, form, named):
    headers = {"HX-Request": "true", "HX-Trigger": form}
    filled = {"fc": "$d.message", "fo": "lacks", "fv": ""}
    response = page.get(grid(run, **filled), headers=headers, follow=True)
    assert response.headers["HX-Retarget"] == f"#{form}"
    assert response.headers["HX-Reswap"] == "outerHTML"
    assert response.headers["HX-Push-Url"] == "false"
    text = one_line(response.text.strip())
    assert re.match(rf'<form [^>]*id="{form}"', text)
    assert "Enter a value." in text
    assert ('<input type="hidden" name="fc" value="$d.message">' in text) is named


def test_a_filter_that_lacks_nothing_is_added_to_those_there_are(page, run):
    there = json.dumps(["is", "$m.severity", "Error"])
    response = page.get(grid(run, f=there, fc="$d.n", fo="between", fv="", fw="100"))
    assert asked_of(response) == [
        ["is", "$m.severity", "Error"],
        ["between", "$d.n", "", "100"],
    ]


def test_severities_are_filtered_from_one_on(page, run):
    form = page.get(reverse("run_condition", args=[run.pk], query={"fc": "$m.severity"}))  # fmt: skip
    assert '<option value="between">' in form.text
    response = page.get(
        grid(run, fc="$m.severity", fo="between", fv="Warning", fw="", size=500)
    )
    assert numbers(page.get(response["Location"])) == [
        n + 1 for n in range(250) if n % 3
    ]


def test_both_forms_of_a_page_have_names_of_their_own(page, run):
    free = page.get(reverse("run_condition", args=[run.pk], query={"fc": "$d.n"})).text
    named = page.get(reverse("run_column", args=[run.pk], query={"of": "$d.n"})).text
    ids = [set(re.findall(r' id="(condition[^"]*)"', text)) for text in (free, named)]
    assert ids[0] & ids[1] == set()
    assert {"condition-form-values"} < ids[0]


def test_a_column_of_severities_is_called_that_in_its_panel(page, run):
    text = page.get(reverse("run_column", args=[run.pk], query={"of": "$m.severity"})).text  # fmt: skip
    assert "<dt>Type</dt><dd>severity</dd>" in text
    text = page.get(reverse("run_column", args=[run.pk], query={"of": "$d.message"})).text  # fmt: skip
    assert "<dt>Type</dt><dd>text</dd>" in text
