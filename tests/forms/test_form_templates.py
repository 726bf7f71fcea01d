"""The form renderer's templates: labels, help and errors tied to their controls."""

from __future__ import annotations

from typing import Any

from django import forms

from tests.markup import one_line

MODES = [("direct", "Direct"), ("background", "Background")]


class Sample(forms.Form):
    """One field of each shape."""

    name = forms.CharField(help_text="As you <like>.")
    note = forms.CharField(required=False)
    mode = forms.ChoiceField(
        choices=MODES, widget=forms.RadioSelect(attrs={"class": "segmented"})
    )
    days = forms.MultipleChoiceField(
        choices=[("Week", [("1", "Mon"), ("2", "Tue")])],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    strict = forms.BooleanField(required=False, label="Fail on unknown fields")
    text = forms.CharField(widget=forms.Textarea, required=False)
    statement = forms.CharField(
        widget=forms.Textarea(attrs={"class": "editor-input", "data-error-line": 3}),
        required=False,
    )
    token = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse one combination, to have an error of no field."""
        if self.data.get("mode") == "background":
            raise forms.ValidationError("Not <today>.")
        return self.cleaned_data


def test_help_and_errors_describe_their_control():
    html = one_line(str(Sample({"mode": "direct"})["name"].as_field_group()))
    assert '<label for="id_name">Name</label>' in html
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'id="id_name_helptext">As you &lt;like&gt;.</div>' in html
    assert '<ul class="errorlist" id="id_name_error">' in html
    assert 'aria-invalid="true"' in html


def test_an_optional_field_says_so():
    html = one_line(str(Sample()["note"].as_field_group()))
    assert '<span class="optional">optional</span>' in html


def test_radios_are_a_labelled_group_and_may_be_segmented():
    html = one_line(str(Sample({"mode": "direct"})["mode"].as_field_group()))
    assert "<legend>Mode</legend>" in html
    assert '<div id="id_mode" class="segmented">' in html
    assert html.count('type="radio"') == 2
    assert html.count("segmented") == 1
    assert html.count(" checked") == 1


def test_grouped_choices_keep_their_group():
    html = one_line(str(Sample()["days"].as_field_group()))
    assert '<div role="group" aria-label="Week">' in html
    assert 'class="choices"' in html


def test_a_checkbox_stands_before_its_label():
    html = one_line(str(Sample()["strict"].as_field_group()))
    assert html.index("<input") < html.index("Fail on unknown fields")
    assert html.count("Fail on unknown fields") == 1


def test_a_statement_gets_an_editor_and_other_texts_do_not():
    form = Sample({"statement": "a <b>", "text": "x"})
    html = str(form["statement"].as_field_group())
    assert 'class="editor" data-editor' in html
    assert 'data-error-line="3"' in html
    assert "\na &lt;b&gt;</textarea>" in html
    assert "editor" not in str(form["text"].as_field_group())


def test_the_summary_names_every_error_and_links_to_its_field():
    html = str(Sample({"mode": "background"}))
    assert "2 things need your attention" in html
    assert "<li>Not &lt;today&gt;.</li>" in html
    assert '<a href="#id_name">Name</a>: This field is required.' in html
    assert "One thing needs your attention" in str(Sample({"mode": "direct"}))


def test_a_fresh_form_has_no_summary_and_keeps_its_hidden_fields():
    html = str(Sample())
    assert "attention" not in html
    assert html.count('type="hidden"') == 1
