"""Adapt query forms to a provider: only what it can do, with the reason for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from queries.forms.provider_fields import ProviderFields
from queries.models import Mode
from queries.providers.base import Problem, Provider

MAX_STATEMENT_CHARACTERS = 100_000
FORM_FIELD_BY_PROBLEM_FIELD = {
    "start": "range_start",
    "end": "range_end",
    "statement": "statement",
}
RANGE_FIELDS = ("time_range", "range_start", "range_end")
SINGLE_MODE_HELP = {
    Mode.DIRECT: "{label} answers queries directly only; it keeps none running in the background.",
    Mode.BACKGROUND: "{label} runs queries in the background only; rows show when it has finished.",
}

CONDITIONAL_STATEMENT_HELP = (
    "Sent if “{}” says “{}”; otherwise the settings below spell the query."
)


def adapt_to_provider(form: forms.BaseForm, provider: type[Provider]) -> None:
    """Adapt ``statement``, ``mode`` and the time range of ``form`` to what ``provider`` declares."""
    _shape_statement(form.fields["statement"], provider)
    if not provider.uses_time_range:
        for name in RANGE_FIELDS:
            del form.fields[name]
    _offer_modes(form, provider)


def attach_errors(
    form: forms.BaseForm, settings: ProviderFields, problems: Iterable[Problem]
) -> None:
    """Attach each problem to its field of ``form``; to the form if it has no such field."""
    for problem in problems:
        own = settings.form_name(problem.field)
        name = FORM_FIELD_BY_PROBLEM_FIELD.get(problem.field, own)
        form.add_error(name if name in form.fields else None, problem.message)


def supported_modes(provider: type[Provider]) -> list[Mode]:
    """Return the modes a provider can run in."""
    can = provider.capabilities
    able = {Mode.DIRECT: can.direct, Mode.BACKGROUND: can.background}
    return [mode for mode in able if able[mode]]


def _shape_statement(field: forms.Field, provider: type[Provider]) -> None:
    field.label = provider.statement_label
    field.widget.attrs["data-language"] = provider.statement_language
    if not provider.statement_required:
        field.required = False
        field.help_text = "May stay empty: it is made of the settings below."
    if provider.statement_when:
        fields = ProviderFields(provider.query_fields)
        field.widget.attrs["data-when"] = fields.data_when(provider.statement_when)
        field.help_text = CONDITIONAL_STATEMENT_HELP.format(
            *fields.condition_labels(provider.statement_when)
        )


def _offer_modes(form: forms.BaseForm, provider: type[Provider]) -> None:
    modes = supported_modes(provider)
    field: Any = form.fields["mode"]
    field.choices = [(mode.value, mode.label) for mode in modes]
    if len(modes) == 1:
        field.help_text = SINGLE_MODE_HELP[modes[0]].format(label=provider.label)
    if form.get_initial_for_field(field, "mode") not in modes and modes:
        form.initial = {**(form.initial or {}), "mode": modes[0].value}
