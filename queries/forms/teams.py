"""Forms of teams and their members."""

from __future__ import annotations

from django import forms

from queries.models import Role, Team, User


class TeamForm(forms.ModelForm):  # type: ignore[type-arg]
    """A team's name."""

    class Meta:
        model = Team
        fields = ("name",)
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "off"})}


class MemberForm(forms.Form):
    """A new member, by address, with a role."""

    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER)

    def clean_email(self) -> str:
        """Return the address as it is stored."""
        return User.objects.normalize_email(self.cleaned_data["email"])


class RoleForm(forms.Form):
    """A new role for a member."""

    role = forms.ChoiceField(choices=Role.choices)
