"""Pages: health."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from queries.http import AuthedRequest


def healthz(request: AuthedRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    raise NotImplementedError
