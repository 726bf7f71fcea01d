"""How the JSON texts of a run's rows map to their columns."""

from __future__ import annotations

from collections.abc import Sequence

from queries.models import Mode, Run
from queries.providers.registry import provider_class
from queries.results import WHOLE, Column, Documents
from queries.results.refine.tables import ROOTS


def row_document_layout(run: Run, columns: Sequence[Column]) -> Documents:
    """Return how the texts of a run's rows split into DataPrime's documents, for these columns."""
    if run.mode != Mode.REFINE:
        return provider_class(run.provider).row_documents
    if any(column.name.startswith(ROOTS) for column in columns):
        return {root: (root, "json") for root in ROOTS}
    return WHOLE
