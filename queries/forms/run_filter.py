"""The filters of the run list: a plain GET form."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.utils import timezone

from queries.models import ACTIVE_STATUSES, Connection, Mode, Run, Status, User
from queries.models.runs import RunQuerySet
from queries.providers.registry import provider_choices

OWNERS = (("", "Me and my teams"), ("me", "Me"), ("team", "My teams"))
# At the ends of the calendar a day cannot be told in every zone.
DATE_VALIDATORS = (
    MinValueValidator(date(1970, 1, 2)),
    MaxValueValidator(date(9000, 1, 1)),
)
ACTIVE_CHOICE = ("active", "Active")


class RunFilterForm(forms.Form):
    """Status, mode, connection, provider, owner, text and dates; nothing is required."""

    q = forms.CharField(required=False, max_length=200, label="Text")
    status = forms.ChoiceField(
        required=False, choices=[("", "Any status"), ACTIVE_CHOICE, *Status.choices]
    )
    mode = forms.ChoiceField(required=False, choices=[("", "Any mode"), *Mode.choices])
    owner = forms.ChoiceField(required=False, choices=OWNERS)
    provider = forms.ChoiceField(required=False)
    connection = forms.ModelChoiceField(
        Connection.objects.none(), required=False, empty_label="Any connection"
    )
    since = forms.DateField(
        validators=DATE_VALIDATORS,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        label="From",
    )
    until = forms.DateField(
        validators=DATE_VALIDATORS,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        label="To",
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        providers = [("", "Any provider"), *provider_choices()]
        self.fields["provider"].choices = providers  # type: ignore[attr-defined]
        usable = Connection.objects.visible_to(user)
        self.fields["connection"].queryset = usable  # type: ignore[attr-defined]

    def runs(self) -> RunQuerySet:
        """Return the runs visible to the user that match every valid filter."""
        self.is_valid()
        chosen = {name: value for name, value in self.cleaned_data.items() if value}
        found = Run.objects.visible_to(self.user)
        for name, value in chosen.items():
            found = found.filter(self._condition(name, value))
        return found

    @property
    def active_filter_count(self) -> int:
        """Number of filters that are set."""
        return sum(1 for value in self.cleaned_data.values() if value)

    def _condition(self, name: str, value: Any) -> Q:
        conditions = {
            "q": lambda: (
                Q(statement__icontains=value)
                | Q(connection_name__icontains=value)
                | Q(saved_query__name__icontains=value)
            ),
            "status": lambda: (
                Q(status__in=ACTIVE_STATUSES) if value == "active" else Q(status=value)
            ),
            "mode": lambda: Q(mode=value),
            "owner": lambda: (
                Q(owner=self.user) if value == "me" else Q(team__isnull=False)
            ),
            "provider": lambda: Q(provider=value),
            "connection": lambda: Q(connection=value),
            "since": lambda: Q(created_at__gte=_midnight(value)),
            "until": lambda: Q(created_at__lt=_midnight(value + timedelta(days=1))),
        }
        return conditions[name]()


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
