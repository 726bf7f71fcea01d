"""Saved queries: find, copy and favour them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from queries.models import SavedQuery, User

MOST_TAGS = 20
LONGEST_TAG = 40
LONGEST_NAME = 160
MOST_COLUMNS = 500
LONGEST_COLUMN = 1_000
WIDTHS = range(40, 2_001)  # pixels
MINE, TEAMS = "mine", "teams"


def tags_in(text: str) -> list[str]:
    """Tags from comma-separated text: lower case, each once, in the order given."""
    words = (" ".join(word.split()).lower() for word in text.split(","))
    return list(dict.fromkeys(word for word in words if word))


def seen_by(user: User) -> QuerySet[SavedQuery]:
    """What ``user`` may see, with ``is_favourite``; favourites first, then by name."""
    mine = SavedQuery.favoured_by.through.objects.filter(
        savedquery=OuterRef("pk"), user=user
    )
    return (
        SavedQuery.objects.visible_to(user)
        .annotate(is_favourite=Exists(mine))
        .select_related("owner", "team")
        .order_by("-is_favourite", "name", "created_at")
    )


def find(
    user: User, *, text: str = "", tag: str = "", whose: str = ""
) -> QuerySet[SavedQuery]:
    """Visible queries with ``text`` in name, description, statement or a tag.

    ``whose`` is "mine", "teams" (what others share) or "" for all.
    """
    found = seen_by(user)
    if whose == MINE:
        found = found.filter(owner=user)
    elif whose == TEAMS:
        found = found.exclude(owner=user)
    if tag:
        found = found.filter(pk__in=_tagged(user, lambda tags: tag in tags))
    if text:
        part = text.lower()
        tagged = _tagged(user, lambda tags: any(part in word for word in tags))
        found = found.filter(
            Q(name__icontains=text)
            | Q(description__icontains=text)
            | Q(statement__icontains=text)
            | Q(pk__in=tagged)
        )
    return found


def tags_of(user: User) -> list[str]:
    """Every tag in use on what ``user`` sees, the most used first."""
    rows = SavedQuery.objects.visible_to(user).values_list("tags", flat=True)
    used = Counter(tag for tags in rows for tag in tags)
    return sorted(used, key=lambda tag: (-used[tag], tag))


def copy_for(user: User, query: SavedQuery) -> SavedQuery:
    """A private copy that belongs to ``user``."""
    return SavedQuery.objects.create(
        owner=user,
        name=f"Copy of {query.name}"[:LONGEST_NAME],
        description=query.description,
        tags=query.tags,
        provider=query.provider,
        statement=query.statement,
        mode=query.mode,
        settings=query.settings,
        time_range=query.time_range,
        range_start=query.range_start,
        range_end=query.range_end,
    )


def set_favourite(query: SavedQuery, user: User, *, wanted: bool) -> None:
    """Mark a query for one person, or take the mark away. Harmless when repeated."""
    change = query.favoured_by.add if wanted else query.favoured_by.remove
    change(user)


def set_layout(query: SavedQuery, columns: Sequence[str], widths: str) -> None:
    """Remember columns in their order, and the widths (a JSON object, name to pixels) that make sense."""
    try:
        given = json.loads(widths or "{}")
    except (ValueError, RecursionError):
        given = {}
    kept = {
        name[:LONGEST_COLUMN]: int(pixels)
        for name, pixels in (given.items() if isinstance(given, dict) else ())
        if isinstance(pixels, int | float) and pixels in WIDTHS
    }
    query.layout = {
        "columns": list(columns[:MOST_COLUMNS]),
        "widths": dict(list(kept.items())[:MOST_COLUMNS]),
    }
    query.save(update_fields=["layout", "updated_at"])


def _tagged(user: User, matches: Callable[[list[str]], bool]) -> list[UUID]:
    # In Python: SQLite keeps JSON as text with escapes, in which no search finds "größe".
    rows = SavedQuery.objects.visible_to(user).values_list("pk", "tags")
    return [pk for pk, tags in rows if matches(tags)]
