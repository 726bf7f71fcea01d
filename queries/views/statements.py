"""Filters on a result as clauses of the statement for the next run, where its language allows it."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import QueryDict
from django.urls import reverse

from queries import clauses, reading
from queries.forms.grid_view import as_text, view_of
from queries.models import Mode, Run
from queries.providers.registry import provider_class
from queries.results import Column, Condition, UnknownFormatError


def language_of(run: Run) -> str:
    """The language that clauses can be added in; "" where they cannot."""
    if run.mode == Mode.REFINE:
        return ""
    language = provider_class(run.provider).language_of(run.settings)
    return language if clauses.extendable(language, run.statement) else ""


def link(
    run: Run, known: Sequence[Column], conditions: Sequence[Condition]
) -> str | None:
    """The new-run page filled with the statement and these conditions; None if none can be said."""
    language = language_of(run)
    columns = {column.name: column for column in known}
    said = [
        condition
        for condition in conditions
        if condition.column in columns
        and clauses.can_extend(language, columns[condition.column], condition)
    ]
    if not said:
        return None
    query = QueryDict(mutable=True)
    query["run"] = str(run.pk)
    query.setlist("f", [as_text(condition) for condition in said])
    return f"{reverse('run_new')}?{query.urlencode()}"


def extended(run: Run, query: QueryDict) -> str:
    """The run's statement with the conditions of an address; what cannot be said is left out."""
    try:
        known = reading.columns_of(reading.available_result(run))
    except (reading.ResultUnavailableError, UnknownFormatError):
        return run.statement
    columns = {column.name: column for column in known}
    asked = [
        (columns[condition.column], condition)
        for condition in view_of(query).conditions
        if condition.column in columns
    ]
    return clauses.extended(language_of(run), run.statement, asked)
