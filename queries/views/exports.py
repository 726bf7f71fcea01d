"""Pages: exports."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from queries.http import AuthedRequest


def run_export(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def export_list(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def export_detail(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def export_download(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def export_cancel(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError


def export_delete(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError
