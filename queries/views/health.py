"""Health endpoint for probes: no names, no secrets, no session."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from queries.models import Heartbeat

STALE_SECONDS = 120


@login_not_required
@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Return 200 while this process reaches its database, else 503.

    Heartbeats are reported but do not decide: restarting a web process does not repair a worker.
    """
    try:
        beats = {beat.name: beat.at for beat in Heartbeat.objects.all()}
    except DatabaseError:
        return JsonResponse({"status": "down", "database": "unreachable"}, status=503)
    now = timezone.now()
    ages = {name: round((now - at).total_seconds(), 1) for name, at in beats.items()}
    stale = sorted(name for name, age in ages.items() if age > STALE_SECONDS)
    return JsonResponse(
        {
            "status": "degraded" if stale else "ok",
            "database": "ok",
            "heartbeat_age_seconds": ages,
            "stale": stale,
        }
    )
