"""Pages: accounts."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from queries.http import AuthedRequest


def theme_set(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def account(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def sign_in_link(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def invitation_accept(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError
