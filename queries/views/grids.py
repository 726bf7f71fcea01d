"""What the run page's two halves show: the live facts, and the grid in its present view."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.utils import timezone

from queries import exports, reading, runs, time_ranges
from queries.formats import FORMATS
from queries.forms.grid_view import view_of
from queries.forms.provider_fields import ProviderFields
from queries.http import AuthedRequest
from queries.models import Mode, ResultSet, Run, Team
from queries.providers.registry import provider_class
from queries.results import ResultError
from queries.views.extras import beside
from queries.views.offers import not_offered_for_jobs

POLL_STEPS = ((10, 1), (60, 2), (600, 5))
SLOWEST_POLL = 15
EXPORT_ROWS = 10_000


def poll_seconds(run: Run) -> int:
    """How long the page waits before it asks again: the longer a run takes, the longer."""
    if not run.is_active:
        return 0
    age = (timezone.now() - run.created_at).total_seconds()
    return next((wait for until, wait in POLL_STEPS if age < until), SLOWEST_POLL)


def run_context(request: AuthedRequest, run: Run) -> dict[str, Any]:
    """What the run page says about the run itself."""
    mine = run.owner_id == request.user.pk
    provider = provider_class(run.provider)
    result_set = reading.result_of(run)
    return {
        "run": run,
        "mine": mine,
        "can": provider.capabilities,
        "not_offered": not_offered_for_jobs(provider)
        if run.mode == Mode.BACKGROUND
        else [],
        "provider": provider,
        "poll": poll_seconds(run),
        "started": run.started_at or run.created_at,
        "can_move_range": run.time_range
        not in {time_ranges.ABSOLUTE, time_ranges.NONE},
        "range_label": time_ranges.label(run.time_range),
        "settings": shown_settings(run),
        **beside(run),
        "can_cancel": mine and run.is_active and not run.cancel_asked_at,
        "waiting": waits(run),
        "completeness": completeness(run, result_set),
        "result_set": result_set,
        "provider_formats": exports.provider_formats(run, request.user),
        "export_rows": EXPORT_ROWS,
        "teams": Team.objects.visible_to(request.user) if mine else [],
        "curl": runs.curl_of(run),
        "form_keys": [uuid.uuid4(), uuid.uuid4()],
    }


def waits(run: Run) -> bool:
    """Whether the run waits for something: until a moment, or for a place of no known time."""
    over = run.waiting_until is not None and run.waiting_until <= timezone.now()
    return bool(run.is_active and run.waiting_for and not over)


def shown_settings(run: Run) -> list[tuple[str, str]]:
    """The provider's settings of the run, by label, in the provider's order."""
    found = []
    declared = ProviderFields(provider_class(run.provider).query_fields)
    for field in declared.applying(run.settings, run.mode):
        value = run.settings.get(field.name, field.default)
        if value in (None, ""):
            continue
        words = dict(field.choices).get(str(value), value)
        found.append((field.label, "yes" if words is True else str(words)))
    return found


def completeness(run: Run, result_set: ResultSet | None) -> Mapping[str, Any] | None:
    """The completeness badge: its state, its words, and each cut with its remedy."""
    if result_set is None or run.is_active:
        return None
    notes = [
        {"text": cut.get("message", ""), "remedy": cut.get("remedy", "")}
        for cut in result_set.cuts
    ]
    if result_set.complete:
        return {"state": "complete", "label": "Complete", "notes": notes}
    partial = run.status != "succeeded"
    state, label = ("partial", "Partial") if partial else ("cut", "Cut short")
    return {"state": state, "label": label, "notes": notes}


def grid_context(request: AuthedRequest, run: Run) -> dict[str, Any]:
    """One page of rows as the address bar asks for it, or the reason why there is none."""
    view = view_of(request.GET)
    context: dict[str, Any] = {
        "run": run,
        "view": view,
        "sort": next(iter(view.sorts), ""),
        "target": "#results",
        "utc": request.GET.get("tz") == "utc",
        "here": request.get_full_path(),
        "export_rows": EXPORT_ROWS,
        "export_formats": [(f.slug, f.label) for f in FORMATS.values()],
    }
    try:
        result_set, page = reading.read_page(run, view)
    except reading.ResultUnavailableError as error:
        return context | {"unavailable": str(error)}
    except ResultError as error:
        return context | {"trouble": str(error)}
    zone = UTC if context["utc"] else timezone.get_current_timezone()
    rows = [
        (n, [(c, in_zone(v, zone)) for c, v in zip(page.columns, values, strict=True)])
        for n, values in page.rows
    ]
    return (
        context
        | page_numbers(view, page)
        | {
            "result_set": result_set,
            "page": page,
            "rows": rows,
            "known": reading.columns_of(result_set),
            "shown": {column.name for column in page.columns},
        }
    )


def in_zone(value: object, zone: tzinfo) -> object:
    """A time as text to the millisecond in ``zone``; anything else as it is."""
    if not isinstance(value, datetime):
        return value
    return value.astimezone(zone).isoformat(" ", "milliseconds")[:23]


def page_numbers(view: reading.View, page: Any) -> dict[str, Any]:
    """What the pager needs."""
    pages = max(1, -(-page.matched // view.size))
    number = min(view.page, pages)
    first = (number - 1) * view.size + 1
    return {
        "number": number,
        "pages": pages,
        "first": first if page.matched else 0,
        "last": first + len(page.rows) - 1 if page.matched else 0,
        "total": page.matched,
        "size": view.size,
        "sizes": reading.SIZES,
    }
