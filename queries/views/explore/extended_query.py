"""Add filters on a result to the statement of the next run, where its language allows it."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import QueryDict
from django.urls import reverse

from queries import filter_clauses, stored_results
from queries.forms.grid_view import encode_condition, parse_grid_state
from queries.models import Mode, Run
from queries.providers.registry import provider_class
from queries.results import Column, Condition, UnknownFormatError


def query_language(run: Run) -> str:
    """Return the language in which clauses can be added; "" where they cannot."""
    if run.mode == Mode.REFINE:
        return ""
    language = provider_class(run.provider).statement_language_for(run.settings)
    return language if filter_clauses.accepts_filters(language, run.statement) else ""


def extended_query_url(
    run: Run, known: Sequence[Column], conditions: Sequence[Condition]
) -> str | None:
    """Return the new-query page with the statement and these conditions; None if none can be expressed."""
    language = query_language(run)
    columns = {column.name: column for column in known}
    said = [
        condition
        for condition in conditions
        if condition.column in columns
        and filter_clauses.can_express(language, columns[condition.column], condition)
    ]
    if not said:
        return None
    query = QueryDict(mutable=True)
    query["run"] = str(run.pk)
    query.setlist("f", [encode_condition(condition) for condition in said])
    return f"{reverse('run_new')}?{query.urlencode()}"


def extended_statement(run: Run, query: QueryDict) -> str:
    """Return the run's statement with the conditions of a URL that can be expressed."""
    try:
        known = stored_results.stored_columns(stored_results.available_result(run))
    except (stored_results.ResultUnavailableError, UnknownFormatError):
        return run.statement
    columns = {column.name: column for column in known}
    asked = [
        (columns[condition.column], condition)
        for condition in parse_grid_state(query).conditions
        if condition.column in columns
    ]
    return filter_clauses.add_filters(query_language(run), run.statement, asked)
