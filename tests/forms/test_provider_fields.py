"""Fields a provider declares become a form, and a settings dict again."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from django import forms
from django.utils import timezone

from queries.forms.provider_fields import ProviderFields
from queries.providers.base import Field, FieldCondition

FIELDS = (
    Field("tier", "Tier", "choice", (("a", "Frequent"), ("b", "Archive")), default="a"),
    Field("shape", "Shape", "choice", (("wide", "Wide"),)),
    Field("limit", "Limit", "integer", default=100, required=True),
    Field("strict", "Strict", "boolean", required=True, advanced=True),
    Field("now", "Now", "datetime", modes=("background",), required=True),
    Field("note", "Note", help="Any <text>"),
    Field("endpoint", "Endpoint", "url"),
    Field("token", "Token", "secret", default="never"),
)
declared = ProviderFields(FIELDS, prefix="s")


def make_form(data=None, settings=None):
    form = forms.Form(data, initial=declared.initial(settings or {}))
    form.fields.update(declared.form_fields())
    return form


def test_names_carry_the_prefix_and_keep_the_declared_order():
    assert list(declared.form_fields()) == [f"s_{field.name}" for field in FIELDS]
    assert declared.form_name("tier") == "s_tier"


def test_filled_fields_come_back_as_json_values():
    data = {
        "s_tier": "b",
        "s_shape": "wide",
        "s_limit": "7",
        "s_strict": "on",
        "s_now": "2026-03-04T05:06:07",
        "s_note": "  hello ",
        "s_endpoint": "https://api.example.com",
        "s_token": "t",
    }
    form = make_form(data)
    with timezone.override("Europe/Helsinki"):
        assert form.is_valid(), form.errors
    settings = declared.settings(form.cleaned_data)
    assert json.loads(json.dumps(settings)) == {
        "tier": "b",
        "shape": "wide",
        "limit": 7,
        "strict": True,
        "now": "2026-03-04T03:06:07Z",
        "note": "hello",
        "endpoint": "https://api.example.com",
        "token": "t",
    }


def test_what_was_left_empty_is_absent_and_false_is_not():
    form = make_form({"s_tier": "a", "s_limit": "0"})
    assert form.is_valid(), form.errors
    assert declared.settings(form.cleaned_data) == {
        "tier": "a",
        "limit": 0,
        "strict": False,
    }


def test_a_field_of_another_mode_is_absent():
    form = make_form({"s_tier": "a", "s_limit": "0", "s_now": "2026-03-04T05:06:07"})
    assert form.is_valid()
    assert "now" in declared.settings(form.cleaned_data, "background")
    assert "now" not in declared.settings(form.cleaned_data, "direct")


@pytest.mark.parametrize(
    ("name", "value"),
    [("s_limit", ""), ("s_limit", "9" * 20), ("s_tier", "c")],
)
def test_bad_values_are_refused_at_their_field(name, value):
    form = make_form({"s_tier": "a", "s_limit": "1"} | {name: value})
    assert not form.is_valid()
    assert list(form.errors) == [name]


def test_stored_settings_are_shown_again():
    settings = {"tier": "b", "limit": 0, "now": "2026-03-04T03:06:07Z", "token": "x"}
    initial = declared.initial(settings)
    assert (initial["s_tier"], initial["s_limit"], initial["s_strict"]) == (
        "b",
        0,
        None,
    )
    assert initial["s_now"] == datetime(2026, 3, 4, 3, 6, 7, tzinfo=UTC)
    assert "s_token" not in initial


def test_a_stored_moment_is_shown_in_the_persons_zone():
    with timezone.override("Europe/Helsinki"):
        html = str(make_form(settings={"now": "2026-03-04T03:06:07Z"})["s_now"])
    assert 'value="2026-03-04T05:06:07"' in html
    assert 'type="datetime-local"' in html


def test_a_secret_is_never_sent_back_to_the_page():
    form = make_form({"s_token": "canary"}, settings={"token": "canary"})
    assert "canary" not in str(form["s_token"])
    assert 'autocomplete="off"' in str(form["s_token"])


def test_advanced_fields_and_those_of_one_mode_are_marked():
    form = make_form()
    assert [field.name for field in declared.advanced_fields(form)] == ["s_strict"]
    assert "s_strict" not in [field.name for field in declared.basic_fields(form)]
    assert "data-advanced" in str(form["s_strict"])
    assert 'data-when="mode=background"' in str(form["s_now"])
    assert "data-when" not in str(form["s_tier"])


def test_an_optional_choice_without_default_can_be_left_to_the_provider():
    fields = declared.form_fields()
    assert fields["s_shape"].choices[0][0] == ""
    assert fields["s_tier"].choices[0][0] == "a"


def test_stored_settings_are_described_in_words_and_secrets_are_not():
    settings = {"tier": "b", "limit": 5, "strict": False, "token": "x", "gone": 1}
    assert declared.labelled_values(settings) == [
        ("Tier", "Archive"),
        ("Limit", "5"),
        ("Strict", "No"),
    ]


def test_a_field_of_several_lines_keeps_them():
    lines = ProviderFields((Field("pem", "PEM", rows=8),), "s")
    form = forms.Form({"s_pem": "one\r\ntwo" + " " * 5_000})
    form.fields.update(lines.form_fields())
    assert form.is_valid()
    assert form.fields["s_pem"].widget.attrs["rows"] == 8
    assert lines.settings(form.cleaned_data) == {"pem": "one\r\ntwo"}


REPORT = ProviderFields(
    (
        Field("how", "How", "choice", (("form", "A form"), ("json", "JSON")), "form"),
        Field("days", "Days", "choice", (("x", "X"), ("own", "Own")), default="x", when=FieldCondition("how", ("form",))),
        Field("start", "From", required=True, when=FieldCondition("days", ("own",))),
        Field("wait", "Wait", modes=("direct",)),
    ),
    "s",
)  # fmt: skip


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ({}, ["how", "days", "wait"]),
        ({"days": "own"}, ["how", "days", "start", "wait"]),
        ({"how": "json", "days": "own"}, ["how", "wait"]),
    ],
)
def test_a_field_applies_where_the_choices_it_hangs_on_apply(chosen, names):
    assert [field.name for field in REPORT.applicable_fields(chosen)] == names
    assert "wait" not in {
        f.name for f in REPORT.applicable_fields(chosen, "background")
    }


def test_a_setting_that_does_not_apply_is_not_described():
    settings = {"how": "json", "days": "own", "start": "today"}
    assert REPORT.labelled_values(settings) == [("How", "JSON")]


def test_a_field_that_hangs_on_a_choice_says_so_to_the_page_and_is_not_called_optional():
    form = forms.Form({"s_how": "json", "s_days": "x"})
    form.fields.update(REPORT.form_fields())
    assert 'data-when="s_days=own"' in str(form["s_start"])
    assert form.is_valid(), form.errors
    assert "optional" not in form["s_start"].as_field_group()
    assert "optional" in form["s_wait"].as_field_group()
