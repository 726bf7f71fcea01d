"""All functions by name, and those of the language that are not implemented."""

from __future__ import annotations

from dataprime.aggregates import AGGREGATES
from dataprime.errors import (
    DataPrimeError,
    Position,
    UnknownConstructError,
    printable,
)
from dataprime.functions import arrays, moments, numbers, texts
from dataprime.functions.signature import Function
from dataprime.hints import FUNCTION_HINTS, did_you_mean

SCALARS: dict[str, Function] = {
    **texts.FUNCTIONS,
    **numbers.FUNCTIONS,
    **arrays.FUNCTIONS,
    **moments.FUNCTIONS,
}
# Compiled apart, as their result takes the kind of their arguments.
SPECIAL = ("if", "firstNonNull", "in")


def find_scalar(name: str, at: Position) -> Function:
    """Return a function. Raises UnknownConstructError, or DataPrimeError with advice."""
    found = SCALARS.get(name)
    if found:
        return found
    hint = FUNCTION_HINTS.get(name.lower().replace("_", "")) or FUNCTION_HINTS.get(name)
    if hint:
        raise DataPrimeError(f"unknown function {printable(name)}: {hint}", *at)
    guess = did_you_mean(name, [*SCALARS, *AGGREGATES, *SPECIAL])
    raise UnknownConstructError(f"unknown function {printable(name)}{guess}", *at)
