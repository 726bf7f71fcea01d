"""Context of the run page: the live state, and the grid in its present state."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.utils import timezone

from queries import stored_results, time_ranges
from queries.charts.builders import epoch_columns_as_times
from queries.exports import services as export_services
from queries.exports.formats import FORMATS
from queries.forms.grid_forms import (
    canonical_query,
    format_utc_milliseconds,
    is_submitted,
    validation_error,
)
from queries.forms.grid_view import parse_grid_state
from queries.forms.provider_fields import ProviderFields
from queries.models import Mode, ResultSet, Run, Team
from queries.providers.registry import provider_class
from queries.results import Page, ResultError, UnknownFormatError
from queries.runs import services as run_services
from queries.runs.engine.refine import LANGUAGES
from queries.shortcuts import AuthedRequest
from queries.views.capability_texts import unsupported_job_labels
from queries.views.explore import extended_query
from queries.views.explore.chart_choice import choose_chart
from queries.views.explore.filter_texts import (
    column_kinds,
    filter_chips,
    no_rows_reason,
    sort_chips,
)
from queries.views.explore.grid_links import GridUrl, filter_form_url
from queries.views.explore.saved_layout import saved_widths, with_saved_columns
from queries.views.provider_extras import extras_context

POLL_STEPS = ((10, 1), (60, 2), (600, 5))
MAX_POLL_SECONDS = 15
DEFAULT_EXPORT_ROWS = 10_000


def poll_seconds(run: Run) -> int:
    """Return the poll interval of the page, which grows with the run's age."""
    if not run.is_active:
        return 0
    age = (timezone.now() - run.created_at).total_seconds()
    return next((wait for until, wait in POLL_STEPS if age < until), MAX_POLL_SECONDS)


def run_context(request: AuthedRequest, run: Run) -> dict[str, Any]:
    """Return the context about the run itself."""
    mine = run.owner_id == request.user.pk
    provider = provider_class(run.provider)
    result_set = stored_results.current_result(run)
    return {
        "run": run,
        "mine": mine,
        "can": provider.capabilities,
        "not_offered": unsupported_job_labels(provider)
        if run.mode == Mode.BACKGROUND
        else [],
        "provider": provider,
        "poll": poll_seconds(run),
        "started": run.started_at or run.created_at,
        "can_move_range": run.time_range
        not in {time_ranges.ABSOLUTE, time_ranges.NONE},
        "range_label": time_ranges.label(run.time_range),
        "settings": setting_labels(run),
        **extras_context(run),
        "can_cancel": mine and run.is_active and not run.cancel_asked_at,
        "waiting": run_is_waiting(run),
        "completeness": completeness_badge(run, result_set),
        "result_set": result_set,
        "provider_formats": export_services.provider_formats(run, request.user),
        "export_rows": DEFAULT_EXPORT_ROWS,
        "origin": _origin(request, run),
        "teams": Team.objects.visible_to(request.user) if mine else [],
        "curl": run_services.curl_command(run),
        "form_keys": [uuid.uuid4(), uuid.uuid4()],
    }


def _origin(request: AuthedRequest, run: Run) -> Run | None:
    """Return the run whose rows a refine read, if it exists and the user may see it."""
    if run.origin_id is None:
        return None
    return Run.objects.visible_to(request.user).filter(pk=run.origin_id).first()


def run_is_waiting(run: Run) -> bool:
    """Return whether the run waits: until a time, or for a slot."""
    over = run.waiting_until is not None and run.waiting_until <= timezone.now()
    return bool(run.is_active and run.waiting_for and not over)


def setting_labels(run: Run) -> list[tuple[str, str]]:
    """Return the run's provider settings by label, in the provider's order."""
    if run.mode == Mode.REFINE:
        return [("Language", LANGUAGES.get(run.settings.get("language", ""), ""))]
    found = []
    declared = ProviderFields(provider_class(run.provider).query_fields)
    for field in declared.applicable_fields(run.settings, run.mode):
        value = run.settings.get(field.name, field.default)
        if value in (None, ""):
            continue
        words = dict(field.choices).get(str(value), value)
        found.append((field.label, "yes" if words is True else str(words)))
    return found


def completeness_badge(
    run: Run, result_set: ResultSet | None
) -> Mapping[str, Any] | None:
    """Return the completeness badge: state, label, and each cut with its remedy."""
    if result_set is None or run.is_active:
        return None
    notes = [
        {"text": cut.get("message", ""), "remedy": cut.get("remedy", "")}
        for cut in result_set.cuts
    ]
    if result_set.complete:
        return {"state": "complete", "label": "Complete", "notes": notes}
    partial = run.status != "succeeded"
    state, label = ("partial", "Partial") if partial else ("cut", "Truncated")
    return {"state": state, "label": label, "notes": notes}


def grid_context(request: AuthedRequest, run: Run) -> dict[str, Any]:
    """Return one page of rows as the URL requests, or the reason why there is none."""
    query = with_saved_columns(run, request.GET)
    view, address = parse_grid_state(query), GridUrl(run, request.GET)
    zone = display_zone(request)
    context: dict[str, Any] = {
        "run": run,
        "view": view,
        "view_text": query.urlencode(),
        "address": address,
        "sorts": view.sorts,
        "target": "#results",
        "utc": zone is UTC,
        "here": request.get_full_path(),
        "export_rows": DEFAULT_EXPORT_ROWS,
        "export_formats": [(f.slug, f.label) for f in FORMATS.values()],
    }
    try:
        result_set = stored_results.available_result(run)
        context |= _around(run, address, view, result_set, zone)
        result_set, page = stored_results.read_page(run, view)
        known, drawn = (
            stored_results.stored_columns(result_set),
            epoch_columns_as_times(page).columns,
        )
        context["figure"] = choose_chart(run, address, known, drawn, page.total)
    except UnknownFormatError as error:
        return context | {"unavailable": str(error), "unavailable_title": error.title}
    except stored_results.ResultUnavailableError as error:
        return context | {"unavailable": str(error), "unavailable_title": "No rows"}
    except ResultError as error:
        return context | {"trouble": str(error)}
    return (
        context | pager_context(view, page) | _rows_context(address, view, page, zone)
    )


def canonical_url(request: AuthedRequest, run: Run) -> str:
    """Return the URL that a submitted grid form stands for; "" without one.

    An invalid filter leads to its form, which shows the error.
    """
    result_set = (
        stored_results.current_result(run) if is_submitted(request.GET) else None
    )
    if result_set is None or not stored_results.is_known_format(result_set):
        return ""
    known = stored_results.stored_columns(result_set)
    if validation_error(request.GET, column_kinds(known)):
        return filter_form_url(run, request.GET)
    shown = parse_grid_state(with_saved_columns(run, request.GET)).visible_columns(
        known
    )
    there = canonical_query(
        request.GET, column_kinds(known), shown, display_zone(request)
    )
    return f"{request.path}?{there.urlencode()}"


def display_zone(request: AuthedRequest) -> tzinfo:
    """Return the zone of the grid's times: the user's, or UTC if the URL says so."""
    utc = request.GET.get("tz") == "utc"
    return UTC if utc else timezone.get_current_timezone()


def _around(
    run: Run,
    address: GridUrl,
    view: stored_results.GridState,
    result_set: ResultSet,
    zone: tzinfo,
) -> dict[str, Any]:
    """Return the context around the rows, which needs no reading of them, so it shows beside any error."""
    known = stored_results.stored_columns(result_set)
    narrows = filter_chips(address, column_kinds(known), zone)
    order = sort_chips(address, view.sort_order(known))
    nothing = {"f": "", "q": "", "in": "", "sort": ""}
    return {
        "result_set": result_set,
        "known": known,
        "filters": narrows,
        "order": order,
        "clear": address.with_params(**nothing) if narrows or order else "",
        "why_none": no_rows_reason(run),
        "write": extended_query.extended_query_url(run, known, view.conditions),
        "widths": saved_widths(run),
    }


def _rows_context(
    address: GridUrl, view: stored_results.GridState, page: Page, zone: tzinfo
) -> dict[str, Any]:
    """Return the rows with their URLs, and each time in the zone with its UTC value."""
    first = (min(view.page, max(1, -(-page.matched // view.size))) - 1) * view.size
    rows = [
        (
            n,
            address.row_url(n, at),
            [
                (
                    c,
                    format_cell_time(v, zone),
                    format_utc_milliseconds(v) if isinstance(v, datetime) else None,
                )
                for c, v in zip(page.columns, values, strict=True)
            ],
        )
        for at, (n, values) in enumerate(page.rows, start=first)
    ]
    return {
        "page": page,
        "rows": rows,
        "shown": [column.name for column in page.columns],
    }


def format_cell_time(value: object, zone: tzinfo) -> object:
    """Return a time as text to the millisecond in ``zone``; other values unchanged."""
    if not isinstance(value, datetime):
        return value
    return value.astimezone(zone).isoformat(" ", "milliseconds")[:23]


def pager_context(view: stored_results.GridState, page: Any) -> dict[str, Any]:
    """Return the context of the pager."""
    pages = max(1, -(-page.matched // view.size))
    number = min(view.page, pages)
    first = (number - 1) * view.size + 1
    return {
        "number": number,
        "pages": pages,
        "first": first if page.matched else 0,
        "last": first + len(page.rows) - 1 if page.matched else 0,
        "total": page.matched,
        "noun": "row" if page.matched == 1 else "rows",
        "size": view.size,
        "sizes": stored_results.PAGE_SIZES,
    }
