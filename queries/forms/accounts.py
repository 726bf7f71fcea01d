"""Forms of the user's own account."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.password_validation import (
    password_validators_help_text_html,
    validate_password,
)

from queries.accounts.services import THEMES, normalize_login
from queries.models import User

THEME_LABELS = {"auto": "System", "light": "Light", "dark": "Dark"}


class SignInForm(AuthenticationForm):
    """E-mail and password. Errors do not say which is wrong: that would reveal who has an account."""

    error_messages = {
        "invalid_login": "This e-mail address and password do not match.",
        "inactive": "This e-mail address and password do not match.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = self.fields["username"].widget
        widget.input_type = "email"
        widget.attrs.update({"autocomplete": "username", "spellcheck": "false"})
        self.fields["username"].label = "E-mail"

    def clean_username(self) -> str:
        """Return the spelling under which attempts are counted."""
        return normalize_login(self.cleaned_data["username"])


def time_zone_names() -> list[str]:
    """Return the offered zones by name: regions and cities, without the legacy aliases."""
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name)
    return [
        "UTC",
        *(name for name in names if not name.startswith(("Etc/", "SystemV/"))),
    ]


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """Name, time zone and theme."""

    theme = forms.ChoiceField(
        choices=[(theme, THEME_LABELS[theme]) for theme in THEMES],
        widget=forms.RadioSelect(attrs={"class": "segmented"}),
        help_text="Kept in this browser.",
    )

    class Meta:
        model = User
        fields = ("name", "time_zone")
        labels = {"time_zone": "Time zone"}
        help_texts = {
            "time_zone": "Type a city or region. Empty: the zone of your browser.",
            "name": "What your team sees.",
        }
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "time_zone": forms.TextInput(
                attrs={
                    "list": "zones",
                    "autocomplete": "off",
                    "spellcheck": "false",
                    "placeholder": "e.g. Europe/Helsinki",
                }
            ),
        }

    def clean_time_zone(self) -> str:
        """Return the zone's name as the zone database spells it."""
        typed = self.cleaned_data["time_zone"].strip().replace(" ", "_")
        known = {name.lower(): name for name in zoneinfo.available_timezones()}
        if typed and typed.lower() not in known:
            raise forms.ValidationError(
                "No such time zone. Pick one of the list, such as Europe/Helsinki."
            )
        return known.get(typed.lower(), "")


class FirstPasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    """A first password, for a user who signed in by a link."""


class JoinForm(forms.Form):
    """The account of an invited user: the address is the invitation's."""

    name = forms.CharField(
        max_length=120,
        label="Your name",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email
        self.fields["password"].help_text = password_validators_help_text_html()

    def clean(self) -> dict[str, Any]:
        """Check that the password does not resemble name or address."""
        cleaned = super().clean() or {}
        person = User(email=self.email, name=cleaned.get("name", ""))
        if "password" in cleaned:
            try:
                validate_password(cleaned["password"], person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return cleaned
