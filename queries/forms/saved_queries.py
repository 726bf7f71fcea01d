"""The form of a saved query."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q
from django.utils import timezone

from queries import time_ranges
from queries.connections.services import usable_by
from queries.forms.provider_fields import (
    BoundedDateTimeField,
    DateTimeLocalInput,
    ProviderFields,
)
from queries.forms.provider_form import (
    MAX_STATEMENT_CHARACTERS,
    adapt_to_provider,
    attach_errors,
)
from queries.models import Connection, Mode, SavedQuery, Team, User
from queries.providers.base import Problem, QuerySpec
from queries.providers.registry import provider_class
from queries.runs.services import RunRequest
from queries.saved_queries.services import MAX_TAG_CHARACTERS, MAX_TAGS, parse_tags

COPIED_FIELDS = (
    "name",
    "description",
    "statement",
    "mode",
    "time_range",
    "range_start",
    "range_end",
)
EMPTY_TIME_RANGE = {
    "time_range": time_ranges.NONE,
    "range_start": None,
    "range_end": None,
}


class SavedQueryForm(forms.Form):
    """All fields of a saved query but owner and provider. Only the owner shares it."""

    name = forms.CharField(max_length=160)
    description = forms.CharField(
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    tags = forms.CharField(
        required=False,
        max_length=1_000,
        help_text="Separated by commas, e.g. checkout, latency",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    statement = forms.CharField(
        max_length=MAX_STATEMENT_CHARACTERS,
        strip=False,
        widget=forms.Textarea(attrs={"class": "editor-input"}),
    )
    mode = forms.ChoiceField(
        choices=Mode.choices, widget=forms.RadioSelect(attrs={"class": "segmented"})
    )
    time_range = forms.ChoiceField(choices=time_ranges.CHOICES)
    range_start = BoundedDateTimeField(
        required=False, widget=DateTimeLocalInput(), label="From"
    )
    range_end = BoundedDateTimeField(
        required=False, widget=DateTimeLocalInput(), label="To"
    )

    def __init__(self, user: User, query: SavedQuery, data: Any = None) -> None:
        self.query = query
        self.provider = provider_class(query.provider)
        self.declared = ProviderFields(self.provider.query_fields)
        super().__init__(data, initial=self._initial())
        self.fields |= self.declared.form_fields()
        adapt_to_provider(self, self.provider)
        if query.owner_id == user.pk:
            self.fields["team"] = self._team_field(user)

    def _initial(self) -> dict[str, Any]:
        stored = {name: getattr(self.query, name) for name in COPIED_FIELDS}
        stored |= {"tags": ", ".join(self.query.tags), "team": self.query.team_id}
        return stored | self.declared.initial(self.query.settings)

    def _team_field(self, user: User) -> forms.Field:
        # The present team stays a choice for an owner who became a viewer there.
        editable = Q(pk__in=Team.objects.editable_by(user)) | Q(pk=self.query.team_id)
        return forms.ModelChoiceField(
            Team.objects.filter(editable),
            required=False,
            empty_label="Private: only I see it",
            label="Share with",
            help_text="Members see and run it, on a connection of their own or the team's. Editors change it.",
        )

    def clean_tags(self) -> list[str]:
        """Return the tags in one spelling."""
        tags = parse_tags(self.cleaned_data["tags"])
        if len(tags) > MAX_TAGS or any(len(tag) > MAX_TAG_CHARACTERS for tag in tags):
            raise forms.ValidationError(
                f"At most {MAX_TAGS} tags, each of at most {MAX_TAG_CHARACTERS} characters."
            )
        return tags

    def clean(self) -> dict[str, Any]:
        """Validate with the provider's local checks; attach each problem to its field."""
        cleaned = super().clean() or {}
        # What the provider does not ask for is stored as none.
        cleaned = EMPTY_TIME_RANGE | cleaned
        if self.errors:
            return cleaned
        attach_errors(self, self.declared, self._problems(cleaned))
        return cleaned

    def _problems(self, cleaned: dict[str, Any]) -> list[Problem]:
        try:
            span = time_ranges.resolve(
                cleaned["time_range"],
                now=timezone.now(),
                zone=timezone.get_current_timezone(),
                start=cleaned["range_start"],
                end=cleaned["range_end"],
            )
        except ValueError:
            return [Problem("start", "Enter a start and an end time.")]
        spec = self._spec(cleaned, span.start, span.end)
        return self.provider.validate(spec, cleaned["mode"])

    def _spec(self, cleaned: dict[str, Any], *span: datetime | None) -> QuerySpec:
        settings = self.declared.settings(cleaned, cleaned["mode"])
        return QuerySpec(cleaned["statement"], settings, *span)

    def save(self) -> SavedQuery:
        """Store the values."""
        cleaned = self.cleaned_data
        for name in COPIED_FIELDS:
            setattr(self.query, name, cleaned[name])
        if cleaned["time_range"] != time_ranges.ABSOLUTE:
            self.query.range_start = self.query.range_end = None
        self.query.tags = cleaned["tags"]
        spec = self.provider.resolve(self._spec(cleaned))
        self.query.statement, self.query.settings = spec.statement, dict(spec.settings)
        if "team" in self.fields:
            self.query.team = cleaned["team"]
        self.query.save()
        return self.query

    @property
    def plain_settings(self) -> list[forms.BoundField]:
        """The provider's settings to show at once."""
        return self.declared.basic_fields(self)

    @property
    def advanced_settings(self) -> list[forms.BoundField]:
        """The provider's settings to fold away."""
        return self.declared.advanced_fields(self)


class RunSavedQueryForm(forms.Form):
    """The connection to run a saved query on; the last used one by default."""

    form_key = forms.UUIDField(widget=forms.HiddenInput)
    connection = forms.ModelChoiceField(
        Connection.objects.none(), empty_label=None, required=False, label="Run on"
    )

    def __init__(self, user: User, query: SavedQuery, data: Any = None) -> None:
        self.user, self.query = user, query
        usable = usable_by(user, query.provider)
        self.first = usable.first()
        super().__init__(data, initial={"form_key": uuid.uuid4()})
        self.fields["connection"].queryset = usable  # type: ignore[attr-defined]

    def clean_connection(self) -> Connection:
        """Return a connection to run on, also if none was chosen."""
        chosen = self.cleaned_data["connection"] or self.first
        if chosen is None:
            raise forms.ValidationError("There is no connection to run it on.")
        return chosen

    def to_request(self) -> RunRequest:
        """Return the request: the query as it is now, for the present user."""
        return RunRequest(
            owner=self.user,
            connection=self.cleaned_data["connection"],
            statement=self.query.statement,
            mode=self.query.mode,
            settings=self.query.settings,
            time_range=self.query.time_range,
            range_start=self.query.range_start,
            range_end=self.query.range_end,
            zone=timezone.get_current_timezone(),
            saved_query=self.query,
            form_key=self.cleaned_data["form_key"],
        )
