"""The form of a connection, generated from its provider's declaration."""

from __future__ import annotations

from typing import Any

from django import forms

from queries.connections import services as connection_services
from queries.forms.provider_fields import ProviderFields, secret_field
from queries.models import Connection, Team, User
from queries.providers.credentials import Secret
from queries.providers.errors import AddressRefusedError, AuthenticationError
from queries.providers.registry import provider_class

KEY_REQUIRED_MESSAGE = (
    "The address has changed: enter the key again. "
    "A stored key is never sent to another address than the one it was entered for."
)


class ConnectionForm(forms.Form):
    """Name, the provider's fields, key (write-only) and team of one connection."""

    name = forms.CharField(
        max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, user: User, connection: Connection, data: Any = None) -> None:
        self.connection = connection
        self.provider = provider_class(connection.provider)
        self.options = ProviderFields(self.provider.connection_fields, "option")
        super().__init__(data, initial=self._initial())
        self.fields |= self.options.form_fields()
        self.fields["key"] = self._key_field()
        self.fields["team"] = forms.ModelChoiceField(
            Team.objects.visible_to(user),
            required=False,
            empty_label="Private: only I use it",
            label="Share with",
            help_text="Members can run queries on it. They never see the key.",
        )

    def _initial(self) -> dict[str, Any]:
        stored = {"name": self.connection.name, "team": self.connection.team_id}
        return stored | self.options.initial(self.connection.options)

    def _key_field(self) -> forms.CharField:
        if self.connection.is_new:
            return secret_field(
                label=self.provider.key_label, help_text=self.provider.key_help
            )
        return secret_field(
            label=self.provider.key_label,
            required=False,
            help_text="Leave empty to keep the stored key.",
        )

    def clean(self) -> dict[str, Any]:
        """Check the options, that the address is allowed, and that the key may be sent there."""
        cleaned = super().clean() or {}
        if not self.errors:
            self._check_options(cleaned)
        if self.errors:
            return cleaned
        try:
            origin = connection_services.origin_for(
                self.connection.provider, self.options.settings(cleaned)
            )
        except AddressRefusedError as error:
            self.add_error(self._address_field(), error.message)
            return cleaned
        if cleaned["key"]:
            self._check_key(cleaned)
        elif origin != self.connection.origin:
            self.add_error("key", KEY_REQUIRED_MESSAGE)
        return cleaned

    def _check_options(self, cleaned: dict[str, Any]) -> None:
        for problem in self.provider.option_problems(self.options.settings(cleaned)):
            self.add_error(self.options.form_name(problem.field), problem.message)

    def _address_field(self) -> str:
        """Return the field of the address, or the one by which it is chosen."""
        declared = self.provider.connection_fields
        typed = [field.name for field in declared if field.kind == "url"]
        return self.options.form_name((typed or [declared[0].name])[0])

    def _check_key(self, cleaned: dict[str, Any]) -> None:
        options = self.options.settings(cleaned)
        try:
            self.provider.authorization(Secret(cleaned["key"]), options).headers()
        except AuthenticationError as error:
            self.add_error("key", error.message)

    def to_connection_input(self) -> connection_services.ConnectionInput:
        """Return the values for ``save_connection``."""
        return connection_services.ConnectionInput(
            name=self.cleaned_data["name"],
            options=self.options.settings(self.cleaned_data),
            team=self.cleaned_data["team"],
            key=self.cleaned_data["key"],
        )

    @property
    def plain_options(self) -> list[forms.BoundField]:
        """Return the provider's fields to show at once."""
        return self.options.basic_fields(self)

    @property
    def advanced_options(self) -> list[forms.BoundField]:
        """Return the provider's fields to fold away."""
        return self.options.advanced_fields(self)
