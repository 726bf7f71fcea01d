"""The form of a refine: a language and a statement, with the position of an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from queries.forms.provider_form import MAX_STATEMENT_CHARACTERS
from queries.models import Run, User
from queries.runs.engine.refine import DATAPRIME, LANGUAGES
from queries.runs.refine import InvalidRefineError, RefineRequest


class RefineForm(forms.Form):
    """Turns a form into a RefineRequest."""

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
        """Return the request. Call it only when the form is valid."""
        data: dict[str, Any] = self.cleaned_data
        return RefineRequest(
            owner=owner,
            origin=origin,
            statement=data["statement"],
            language=data["language"],
            form_key=data["form_key"],
        )

    def attach_error(self, error: InvalidRefineError) -> None:
        """Show an error of the statement with its position."""
        self.add_error("statement", str(error))
        self.set_error_position(error.line, error.column)

    def attach_omitted_filters(self, filters: Sequence[str]) -> None:
        """Show which of the grid's filters the statement leaves out."""
        if filters:
            text = f"Of the grid, the statement leaves out {', '.join(filters)}."
            self.fields["statement"].help_text = text

    def set_error_position(self, line: int, column: int) -> None:
        """Mark a position in the editor; both count from 1, 0 is none."""
        if line:
            place = {"data-error-line": line, "data-error-column": column}
            self.fields["statement"].widget.attrs |= place
