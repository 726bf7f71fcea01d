"""The export menu's form: what the file shall hold, and how."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from queries.exports import ExportRequest, ProviderFileRequest
from queries.formats import FORMATS
from queries.models import Run, User

FIRST, ALL = "first", "all"
DEFAULT_ROWS = 10_000
MOST_ROWS = 100_000_000


class ExportForm(forms.Form):
    """Format, rows, columns, selection; names come from the grid's present view."""

    format = forms.ChoiceField(choices=[(f.slug, f.label) for f in FORMATS.values()])
    file_name = forms.CharField(required=False, max_length=100)
    rows = forms.ChoiceField(required=False, choices=[(FIRST, FIRST), (ALL, ALL)])
    limit = forms.IntegerField(required=False, min_value=1, max_value=MOST_ROWS)
    columns = forms.ChoiceField(
        required=False, choices=[(c, c) for c in ("all", "shown", "original")]
    )
    as_shown = forms.BooleanField(required=False)
    zip = forms.BooleanField(required=False)
    sort = forms.CharField(required=False, max_length=2_000)
    q = forms.CharField(required=False, max_length=2_000)

    def request(self, owner: User, run: Run) -> ExportRequest:
        """The valid choices as the verb takes them."""
        data = self.cleaned_data
        seen: dict[str, Any] = {}
        if data["as_shown"]:
            seen = {"sort": data["sort"], "q": data["q"], "column": self._posted("in")}
        every = data["rows"] == ALL
        shown = data["columns"] == "shown"
        return ExportRequest(
            owner=owner,
            run=run,
            format=data["format"],
            file_name=data["file_name"],
            columns=self._columns() if shown else (),
            original=data["columns"] == "original",
            limit=None if every else data["limit"] or DEFAULT_ROWS,
            zip=data["zip"],
            zone=timezone.get_current_timezone(),
            **seen,
        )

    def _columns(self) -> tuple[str, ...]:
        data = self.data
        return tuple(data.getlist("col")) if isinstance(data, QueryDict) else ()

    def _posted(self, name: str) -> str:
        return str(self.data.get(name, ""))


class ProviderFileForm(forms.Form):
    """What a file made by the provider shall hold."""

    format = forms.ChoiceField(choices=[(f.slug, f.label) for f in FORMATS.values()])
    rows = forms.ChoiceField(choices=[(FIRST, FIRST), (ALL, ALL)])
    limit = forms.IntegerField(required=False, min_value=1, max_value=MOST_ROWS)
    file_name = forms.CharField(required=False, max_length=100)
    zip = forms.BooleanField(required=False)

    def request(self, owner: User, run: Run) -> ProviderFileRequest:
        """The valid choices as the verb takes them."""
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
