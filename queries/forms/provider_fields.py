"""The fields a provider declares as part of a Django form, and back into a settings dict.

A declared field ``tier`` becomes the form field ``<prefix>_tier``. Advanced fields carry ``data-advanced``
on their widget, fields that apply only to certain choices ``data-when`` (the page hides them otherwise);
``basic_fields`` and ``advanced_fields`` give the templates the two groups. Independent of the provider.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.dateparse import parse_datetime

from queries.providers.base import Field, FieldCondition, Mode

MIN_DATETIME = datetime(1970, 1, 2, tzinfo=UTC)
MAX_DATETIME = datetime(9000, 1, 1, tzinfo=UTC)
BLANK_CHOICE = ("", "Provider's default")
MAX_TEXT = 2_000
MAX_LONG_TEXT = 100_000
MAX_INTEGER = 2**53  # beyond it, JSON readers disagree about the number
ALL_MODES: tuple[Mode, ...] = ("direct", "background")


class DateTimeLocalInput(forms.DateTimeInput):
    """The browser's own date and time control, to the second, in the user's zone."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"step": 1} | (attrs or {}), format="%Y-%m-%dT%H:%M:%S")


@dataclass(frozen=True)
class ProviderFields:
    """Declared fields under a common ``prefix``, which separates them from the form's own."""

    fields: tuple[Field, ...]
    prefix: str = "setting"

    def form_name(self, name: str) -> str:
        """Return the form's name of the declared field ``name`` (to attach a Problem to it)."""
        return f"{self.prefix}_{name}"

    def form_fields(self) -> dict[str, forms.Field]:
        """Return Django form fields by form name, in the declared order."""
        made = {self.form_name(field.name): form_field(field) for field in self.fields}
        for field in self.fields:
            if field.when:
                marks = made[self.form_name(field.name)].widget.attrs
                marks["data-when"] = self.data_when(field.when)
        return made

    def data_when(self, when: FieldCondition) -> str:
        """Return a condition as ``data-when``: the form's name of a field and its values."""
        return f"{self.form_name(when.field)}={' '.join(when.values)}"

    def condition_labels(self, when: FieldCondition) -> tuple[str, str]:
        """Return a condition as text: the label of the field, and of its first value."""
        by = self._named(when.field)
        return by.label, dict(by.choices)[when.values[0]]

    def applicable_fields(
        self, settings: Mapping[str, Any], mode: str = ""
    ) -> list[Field]:
        """Return the fields that apply to the choices in ``settings``, in the declared order."""
        return [
            field
            for field in self.fields
            if self._holds(field.when, settings) and (not mode or mode in field.modes)
        ]

    def initial(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return initial values by form name: from ``settings``, else the declared default."""
        return {
            self.form_name(field.name): _shown(field, settings)
            for field in self.fields
            if field.kind != "secret"
        }

    def settings(
        self, cleaned: Mapping[str, Any], mode: Mode | None = None
    ) -> dict[str, Any]:
        """Return cleaned form data as plain JSON values by declared name.

        Empty fields are absent, so that the provider's default holds; so are fields that do not apply to
        ``mode``. Date-times become ISO 8601 text in UTC.
        """
        found = {
            field.name: _stored(cleaned.get(self.form_name(field.name)))
            for field in self.fields
            if mode is None or mode in field.modes
        }
        return {name: value for name, value in found.items() if value not in {None, ""}}

    def labelled_values(self, settings: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the values in ``settings`` as (label, text) to show; secrets never."""
        return [
            (field.label, _words(field, settings[field.name]))
            for field in self.applicable_fields(settings)
            if field.name in settings and field.kind != "secret"
        ]

    def basic_fields(self, form: forms.BaseForm) -> list[forms.BoundField]:
        """Return the bound fields to show at once."""
        return self._bound(form, (f for f in self.fields if not f.advanced))

    def advanced_fields(self, form: forms.BaseForm) -> list[forms.BoundField]:
        """Return the bound fields to fold away."""
        return self._bound(form, (f for f in self.fields if f.advanced))

    def _holds(self, when: FieldCondition | None, settings: Mapping[str, Any]) -> bool:
        if when is None:
            return True
        by = self._named(when.field)
        chosen = str(settings.get(by.name, by.default))
        return chosen in when.values and self._holds(by.when, settings)

    def _named(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    def _bound(
        self, form: forms.BaseForm, fields: Iterable[Field]
    ) -> list[forms.BoundField]:
        names = (self.form_name(field.name) for field in fields)
        return [form[name] for name in names if name in form.fields]


def form_field(field: Field) -> forms.Field:
    """Return a Django form field for a declared field."""
    common: dict[str, Any] = {
        "label": field.label,
        "help_text": field.help,
        "initial": field.default,
        "required": _always(field),
    }
    made = _MAKERS[field.kind](field, common)
    # Asked for where it means something, which the provider checks: the page does not call it optional.
    made.needed = field.required  # type: ignore[attr-defined]
    made.widget.attrs.update(_marks(field))
    return made


def _always(field: Field) -> bool:
    always = field.when is None and set(field.modes) == set(ALL_MODES)
    return field.required and always


def _marks(field: Field) -> dict[str, Any]:
    marks: dict[str, Any] = {"data-advanced": True} if field.advanced else {}
    if set(field.modes) != set(ALL_MODES):
        marks["data-when"] = f"mode={' '.join(field.modes)}"
    return marks


def _text(field: Field, common: dict[str, Any]) -> forms.Field:
    if field.multiple:
        common = common | {"help_text": _with_commas(field.help)}
    if not field.rows:
        longest = MAX_LONG_TEXT if field.multiple else MAX_TEXT
        return forms.CharField(max_length=longest, **common)
    widget = forms.Textarea(attrs={"rows": field.rows, "spellcheck": "false"})
    return forms.CharField(max_length=MAX_LONG_TEXT, widget=widget, **common)


def _with_commas(text: str) -> str:
    return text if "comma" in text.lower() else f"{text} Separated by commas.".strip()


def _choice(field: Field, common: dict[str, Any]) -> forms.Field:
    names = {value for value, _label in field.choices}
    optional = not field.required and field.default is None and "" not in names
    choices = [BLANK_CHOICE, *field.choices] if optional else list(field.choices)
    return forms.ChoiceField(choices=choices, **common)


def _integer(_field: Field, common: dict[str, Any]) -> forms.Field:
    return forms.IntegerField(min_value=-MAX_INTEGER, max_value=MAX_INTEGER, **common)


def _boolean(_field: Field, common: dict[str, Any]) -> forms.Field:
    # To Django a required checkbox is one that must be ticked.
    return forms.BooleanField(**common | {"required": False})


class BoundedDateTimeField(forms.DateTimeField):
    """A time between 1970 and 9000: others do not exist in every zone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators += [
            MinValueValidator(MIN_DATETIME, "Nothing was logged before 1970."),
            MaxValueValidator(MAX_DATETIME, "That is too far in the future."),
        ]


def _datetime(_field: Field, common: dict[str, Any]) -> forms.Field:
    return BoundedDateTimeField(widget=DateTimeLocalInput(), **common)


def _url(_field: Field, common: dict[str, Any]) -> forms.Field:
    # Not a URLField: which addresses are allowed is decided in one place, by the providers.
    widget = forms.URLInput(attrs={"spellcheck": "false", "autocomplete": "off"})
    return forms.CharField(max_length=MAX_TEXT, widget=widget, **common)


def _secret(_field: Field, common: dict[str, Any]) -> forms.Field:
    return secret_field(**common | {"initial": None})


def secret_field(**common: Any) -> forms.CharField:
    """Return a field whose value is never sent back to the page, nor offered by the browser."""
    widget = forms.PasswordInput(
        render_value=False,
        attrs={
            "autocomplete": "off",
            "spellcheck": "false",
            "data-1p-ignore": True,
            "data-lpignore": "true",
        },
    )
    return forms.CharField(max_length=MAX_TEXT, widget=widget, **common)


_MAKERS = {
    "text": _text,
    "choice": _choice,
    "integer": _integer,
    "boolean": _boolean,
    "datetime": _datetime,
    "url": _url,
    "secret": _secret,
}


def _shown(field: Field, settings: Mapping[str, Any]) -> Any:
    value = settings.get(field.name, field.default)
    if field.kind == "datetime" and isinstance(value, str):
        return parse_datetime(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.strip() if isinstance(value, str) else value


def _words(field: Field, value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(dict(field.choices).get(value, value))
