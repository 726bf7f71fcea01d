"""What people write by mistake, and what to tell them."""

from __future__ import annotations

from difflib import get_close_matches

# Commands of other languages, with the DataPrime way.
COMMAND_HINTS = {
    "sort": "use 'orderby' (or 'sort by'), as in: orderby $m.timestamp desc",
    "order": "use 'orderby' (or 'order by'), as in: orderby $m.timestamp desc",
    "group": "use 'groupby', as in: groupby $l.applicationname aggregate count()",
    "stats": "use 'groupby … aggregate …' or 'aggregate …'",
    "summarize": "use 'groupby … aggregate …' or 'aggregate …'",
    "timechart": "use 'groupby $m.timestamp / 5m as time aggregate count()'",
    "head": "use 'limit', as in: limit 100",
    "take": "use 'limit', as in: limit 100",
    "offset": "there is no 'offset'; narrow the time range instead",
    "fields": "use 'choose'",
    "project": "use 'choose'",
    "extend": "use 'create', as in: create total from a + b",
    "eval": "use 'create', as in: create total from a + b",
    "search": "use 'wildfind' or 'lucene'",
    "having": "put another 'filter' after the aggregation",
}
# Functions of other languages.
FUNCTION_HINTS = {
    "count_distinct": "use distinct_count() or approx_count_distinct()",
    "countdistinct": "use distinct_count() or approx_count_distinct()",
    "dcount": "use distinct_count()",
    "tostring": "use a cast, as in $d.key:string",
    "tonumber": "use a cast, as in $d.key:number",
    "toint": "use a cast, as in $d.key:number",
    "upper": "use toUpperCase()",
    "lower": "use toLowerCase()",
    "len": "use length(), or arrayLength() for an array",
    "strlen": "use length()",
    "coalesce": "use firstNonNull()",
    "isnull": "compare with null, as in $d.key == null",
    "isnotnull": "compare with null, as in $d.key != null",
    "exists": "compare with null, as in $d.key != null",
    "bin": "divide by an interval, as in $m.timestamp / 5m",
    "average": "use avg()",
    "mean": "use avg()",
    "like": "use contains(), matches() or ~",
    "replace": "'replace' is a command: replace key with expression",
}
# Words of other languages between two operands.
_INFIX_HINTS = {
    "and": "use '&&' for and",
    "or": "use '||' for or",
    "not": "use '!' for not, as in !($d.key in ['a', 'b'])",
    "like": "there is no 'like': use contains(), startsWith(), matches() or ~",
    "ilike": "there is no 'ilike': use ~ or toLowerCase().contains()",
    "contains": "'contains' is a function: $d.key.contains('text')",
    "startswith": "'startsWith' is a function: $d.key.startsWith('text')",
    "endswith": "'endsWith' is a function: $d.key.endsWith('text')",
    "matches": "'matches' is a function: $d.key.matches(/pattern/)",
    "is": "compare with null: $d.key == null or $d.key != null",
    "between": "'between' belongs to 'source'; write a >= x && a <= y",
    "where": "put a '|' before 'where'",
}
_SYMBOL_HINTS = {
    "=": "a single '=' does not compare: use '=='",
    "<>": "use '!=' for not equal",
    ";": "a query has no ';': steps are separated with '|'",
    "!": "use '!=' for not equal, or '!' before a condition",
    "?": "there is no '?:': use if(condition, then, else)",
}


def misplaced_token_hint(text: str) -> str | None:
    """Return advice on a token found where an operator or a `|` should be."""
    return _SYMBOL_HINTS.get(text) or _INFIX_HINTS.get(text.lower())


def did_you_mean(word: str, candidates: list[str]) -> str:
    """Return `: did you mean 'x'?`, or nothing when nothing is close."""
    folded = {name.lower(): name for name in candidates}
    close = get_close_matches(word[:60].lower(), list(folded), n=1, cutoff=0.75)
    return f": did you mean '{folded[close[0]]}'?" if close else ""
