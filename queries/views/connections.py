"""Pages: connections."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from queries.http import AuthedRequest


def connection_list(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def connection_new(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def connection_detail(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def connection_test(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def connection_delete(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError
