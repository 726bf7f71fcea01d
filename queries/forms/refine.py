"""The form of a refine: a language and a statement, marked where it is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from queries.forms.provider_form import MAX_STATEMENT_CHARACTERS
from queries.models import Run, User
from queries.runs.engine.refine import DATAPRIME, LANGUAGES
from queries.runs.refine import InvalidRefineError, RefineRequest


class RefineForm(forms.Form):
    """Turns a page's input into a RefineRequest."""

    form_key = forms.UUIDField(widget=forms.HiddenInput)
    statement = forms.CharField(
        max_length=MAX_STATEMENT_CHARACTERS,
        strip=False,
        label="Statement",
        widget=forms.Textarea(
            attrs={"class": "editor-input", "data-language": DATAPRIME}
        ),
        error_messages={"required": "Write a statement."},
    )
    language = forms.ChoiceField(
        choices=list(LANGUAGES.items()),
        initial=DATAPRIME,
        widget=forms.RadioSelect(attrs={"class": "segmented"}),
    )

    def to_request(self, owner: User, origin: Run) -> RefineRequest:
        """What is asked. Only after the fields are clean."""
        data: dict[str, Any] = self.cleaned_data
        return RefineRequest(
            owner=owner,
            origin=origin,
            statement=data["statement"],
            language=data["language"],
            form_key=data["form_key"],
        )

    def attach_error(self, error: InvalidRefineError) -> None:
        """Say at the statement what is wrong with it, and where."""
        self.add_error("statement", str(error))
        self.set_error_position(error.line, error.column)

    def attach_omitted_filters(self, filters: Sequence[str]) -> None:
        """Say at the statement what of the grid's filter is not in it."""
        if filters:
            text = f"Of the grid, the statement leaves out {', '.join(filters)}."
            self.fields["statement"].help_text = text

    def set_error_position(self, line: int, column: int) -> None:
        """Mark a place in the editor; both count from 1, 0 is nowhere."""
        if line:
            place = {"data-error-line": line, "data-error-column": column}
            self.fields["statement"].widget.attrs |= place
