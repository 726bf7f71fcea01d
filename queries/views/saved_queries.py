"""Pages: saved queries."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from queries.http import AuthedRequest


def saved_query_list(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def saved_query_new(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def saved_query_detail(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def saved_query_edit(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def saved_query_copy(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def saved_query_delete(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def saved_query_favourite(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def saved_query_run(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError
