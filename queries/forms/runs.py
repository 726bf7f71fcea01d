"""The new-query form: a connection, a statement, a time range, and the provider's fields."""

from __future__ import annotations

import json
import uuid
from datetime import tzinfo
from typing import Any

from django import forms
from django.urls import reverse
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
from queries.models import Connection, Mode, Run, SavedQuery, User
from queries.providers.base import Provider
from queries.providers.registry import provider_class
from queries.runs.services import RunRequest, problems


class RunForm(forms.Form):
    """Turns a form into a RunRequest; every problem is attached to its field."""

    form_key = forms.UUIDField(widget=forms.HiddenInput)
    saved_query = forms.ModelChoiceField(
        SavedQuery.objects.none(), required=False, widget=forms.HiddenInput
    )
    connection = forms.ModelChoiceField(
        Connection.objects.none(), empty_label=None, label="Connection"
    )
    statement = forms.CharField(
        max_length=MAX_STATEMENT_CHARACTERS,
        strip=False,
        widget=forms.Textarea(attrs={"class": "editor-input"}),
        error_messages={"required": "Write a statement to run."},
    )
    mode = forms.ChoiceField(
        choices=Mode.choices,
        initial=Mode.DIRECT,
        widget=forms.RadioSelect(attrs={"class": "segmented"}),
    )
    time_range = forms.ChoiceField(
        choices=time_ranges.CHOICES, initial=time_ranges.DEFAULT, label="Time range"
    )
    range_start = BoundedDateTimeField(
        required=False, widget=DateTimeLocalInput(), label="From"
    )
    range_end = BoundedDateTimeField(
        required=False, widget=DateTimeLocalInput(), label="To"
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        usable = Connection.objects.visible_to(user).order_by("name", "created_at")
        self.fields["connection"].queryset = usable  # type: ignore[attr-defined]
        visible = SavedQuery.objects.visible_to(user)
        self.fields["saved_query"].queryset = visible  # type: ignore[attr-defined]
        self.selected_connection = self._connection()
        self.provider = (
            provider_class(self.selected_connection.provider)
            if self.selected_connection
            else None
        )
        self.settings = ProviderFields(
            self.provider.query_fields if self.provider else ()
        )
        self.fields.update(self.settings.form_fields())
        if self.provider:
            adapt_to_provider(self, self.provider)
            self._follow_the_connection(self.provider)
            self._offer_lists(self.provider)
            self._begin_with(self.connection_defaults)

    @property
    def connection_defaults(self) -> dict[str, Any]:
        """Return the connection's defaults for a run, by setting."""
        has = self.selected_connection.options if self.selected_connection else {}
        names = (field.name for field in self.settings.fields)
        return {name: has[name] for name in names if has.get(name)}

    @property
    def depends_on_connection(self) -> bool:
        """Return whether another connection of the same provider changes the form, because its lists differ."""
        return bool(self.provider and self.provider.capabilities.catalog)

    @property
    def provider_slug(self) -> str:
        """Return the provider's slug; a template would call the class."""
        return self.provider.slug if self.provider else ""

    @property
    def plain_settings(self) -> list[forms.BoundField]:
        """Return the provider's settings to show at once."""
        return self.settings.basic_fields(self)

    @property
    def advanced_settings(self) -> list[forms.BoundField]:
        """Return the provider's settings to fold away."""
        return self.settings.advanced_fields(self)

    def _connection(self) -> Connection | None:
        """Return the chosen connection, else the first one."""
        chosen = self["connection"].value()
        queryset = self.fields["connection"].queryset  # type: ignore[attr-defined]
        pk = getattr(chosen, "pk", chosen)
        found: Connection | None = (
            queryset.filter(pk=pk).first() if _is_uuid(pk) else None
        )
        return found or queryset.first()

    def _follow_the_connection(self, provider: type[Provider]) -> None:
        """Make the page fetch the form of another provider when its connection is chosen."""
        self.fields["connection"].widget.attrs |= {
            "hx-get": reverse("run_new"),
            "hx-target": "#run-new",
            "hx-swap": "outerHTML",
            "hx-vals": json.dumps({"shown": provider.slug}),
        }

    def _offer_lists(self, provider: type[Provider]) -> None:
        """Make fields fetch a list of values when they get the focus; typing stays possible."""
        for field in provider.query_fields:
            offered = field.catalog in provider.capabilities.catalog
            if self.selected_connection is None or not offered:
                continue
            name = self.settings.form_name(field.name)
            asked = {"for": name, "many": "1" if field.multiple else ""}
            marks = {
                "list": f"choices-{name}",
                "autocomplete": "off",
                "hx-get": reverse(
                    "connection_catalog",
                    args=[self.selected_connection.pk, field.catalog],
                ),
                "hx-trigger": "focus",
                "hx-target": f"#choices-{name}",
                "hx-swap": "innerHTML",
            }
            if field.catalog_parent:
                asked["of"] = self.settings.form_name(field.catalog_parent)
                marks["hx-include"] = f"#id_{asked['of']}"
            marks["hx-vals"] = json.dumps(asked)
            self.fields[name].widget.attrs |= marks

    def _begin_with(self, beginnings: dict[str, Any]) -> None:
        for name, value in beginnings.items():
            field = self.fields[self.settings.form_name(name)]
            field.initial = value
            # So that the page can tell it from typed values.
            field.widget.attrs["data-begin"] = value

    def clean(self) -> dict[str, Any]:
        """Validate with the provider's local checks; attach each problem to its field."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        if cleaned.get("time_range") == time_ranges.ABSOLUTE:
            for name, word in (("range_start", "a start"), ("range_end", "an end")):
                if not cleaned.get(name):
                    self.add_error(name, f"Enter {word} time.")
        if not self.errors:
            attach_errors(self, self.settings, problems(self.to_request()))
        return cleaned

    def to_request(self, zone: tzinfo | None = None) -> RunRequest:
        """Return the request. Call it only when the form is valid."""
        data = self.cleaned_data
        return RunRequest(
            owner=self.user,
            connection=data["connection"],
            statement=data["statement"],
            mode=data["mode"],
            settings=self.settings.settings(data, data["mode"]),
            time_range=data.get("time_range", time_ranges.NONE),
            range_start=data.get("range_start"),
            range_end=data.get("range_end"),
            zone=zone or timezone.get_current_timezone(),
            saved_query=data.get("saved_query"),
            form_key=data["form_key"],
        )


def _is_uuid(value: Any) -> bool:
    try:
        uuid.UUID(str(value))
    except ValueError:
        return False
    return True


def initial_from(source: Run | SavedQuery, user: User) -> dict[str, Any]:
    """Return initial values that repeat a run or a saved query, on a connection of the user's."""
    usable = usable_by(user, source.provider)
    connection = None
    if isinstance(source, Run) and source.connection_id:
        connection = usable.filter(pk=source.connection_id).first()
    connection = connection or usable.first()
    fields = ProviderFields(provider_class(source.provider).query_fields)
    initial = fields.initial(source.settings) | {
        "connection": connection,
        "statement": source.statement,
        "mode": source.mode,
        "time_range": source.time_range,
        "range_start": source.range_start,
        "range_end": source.range_end,
    }
    if isinstance(source, SavedQuery):
        initial["saved_query"] = source
    return initial
