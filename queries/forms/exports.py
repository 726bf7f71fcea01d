"""The export menu's form: what the file contains, and how."""

from __future__ import annotations

from django import forms
from django.http import QueryDict
from django.utils import timezone

from queries.exports.formats import FORMATS
from queries.exports.selection import ALL, ORIGINAL, SHOWN, ExportRequest
from queries.exports.services import ProviderFileRequest
from queries.forms.grid_view import parse_grid_state
from queries.models import Run, User

FIRST_ROWS = "first"
DEFAULT_ROWS = 10_000
MAX_ROWS = 100_000_000
MAX_VIEW_CHARACTERS = 100_000


class ExportForm(forms.Form):
    """Format, rows, columns, compression; ``view`` is the grid's query string."""

    format = forms.ChoiceField(choices=[(f.slug, f.label) for f in FORMATS.values()])
    file_name = forms.CharField(required=False, max_length=100)
    rows = forms.ChoiceField(
        required=False, choices=[(ALL, ALL), (FIRST_ROWS, FIRST_ROWS)]
    )
    limit = forms.IntegerField(required=False, min_value=1, max_value=MAX_ROWS)
    columns = forms.ChoiceField(
        required=False, choices=[(c, c) for c in (ALL, SHOWN, ORIGINAL)]
    )
    as_shown = forms.BooleanField(required=False)
    compression = forms.ChoiceField(
        required=False, choices=[(c, c) for c in ("zip", "gzip")]
    )
    exact = forms.BooleanField(required=False)
    view = forms.CharField(required=False, max_length=MAX_VIEW_CHARACTERS)

    def to_request(self, owner: User, run: Run) -> ExportRequest:
        """Return the valid choices as an ExportRequest."""
        data = self.cleaned_data
        first = data["rows"] == FIRST_ROWS
        return ExportRequest(
            owner=owner,
            run=run,
            format=data["format"],
            file_name=data["file_name"],
            view=parse_grid_state(QueryDict(data["view"])),
            as_shown=data["as_shown"],
            columns=data["columns"] or ALL,
            limit=(data["limit"] or DEFAULT_ROWS) if first else None,
            compression=data["compression"],
            exact=data["exact"],
            zone=timezone.get_current_timezone(),
        )

    def error_summary(self) -> str:
        """Return the errors as one line."""
        return " ".join(
            f"{name}: {error}" for name, found in self.errors.items() for error in found
        )


class ProviderFileForm(forms.Form):
    """Choices for a file made by the provider."""

    format = forms.ChoiceField(choices=[(f.slug, f.label) for f in FORMATS.values()])
    rows = forms.ChoiceField(choices=[(FIRST_ROWS, FIRST_ROWS), (ALL, ALL)])
    limit = forms.IntegerField(required=False, min_value=1, max_value=MAX_ROWS)
    file_name = forms.CharField(required=False, max_length=100)
    zip = forms.BooleanField(required=False)

    def to_request(self, owner: User, run: Run) -> ProviderFileRequest:
        """Return the valid choices as a ProviderFileRequest."""
        data = self.cleaned_data
        every = data["rows"] == ALL
        return ProviderFileRequest(
            owner=owner,
            run=run,
            format=data["format"],
            file_name=data["file_name"],
            limit=None if every else data["limit"] or DEFAULT_ROWS,
            zip=data["zip"],
        )
