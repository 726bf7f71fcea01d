"""Find, duplicate and mark saved queries."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from queries.models import SavedQuery, User

MAX_TAGS = 20
MAX_TAG_CHARACTERS = 40
MAX_NAME_CHARACTERS = 160
MAX_COLUMNS = 500
MAX_COLUMN_CHARACTERS = 1_000
COLUMN_WIDTH_RANGE = range(40, 2_001)  # pixels
OWNED_BY_ME, OWNED_BY_OTHERS = "mine", "teams"


def parse_tags(text: str) -> list[str]:
    """Return tags from comma-separated text: lower case, each once, in the given order."""
    words = (" ".join(word.split()).lower() for word in text.split(","))
    return list(dict.fromkeys(word for word in words if word))


def visible_with_favourites(user: User) -> QuerySet[SavedQuery]:
    """Return what ``user`` may see, with ``is_favourite``; favourites first, then by name."""
    mine = SavedQuery.favoured_by.through.objects.filter(
        savedquery=OuterRef("pk"), user=user
    )
    return (
        SavedQuery.objects.visible_to(user)
        .annotate(is_favourite=Exists(mine))
        .select_related("owner", "team")
        .order_by("-is_favourite", "name", "created_at")
    )


def search(
    user: User, *, text: str = "", tag: str = "", ownership: str = ""
) -> QuerySet[SavedQuery]:
    """Return visible queries with ``text`` in name, description, statement or a tag.

    ``ownership`` is "mine", "teams" (shared by others) or "" for all.
    """
    found = visible_with_favourites(user)
    if ownership == OWNED_BY_ME:
        found = found.filter(owner=user)
    elif ownership == OWNED_BY_OTHERS:
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


def tags_visible_to(user: User) -> list[str]:
    """Return every tag in use on what ``user`` sees, the most used first."""
    rows = SavedQuery.objects.visible_to(user).values_list("tags", flat=True)
    used = Counter(tag for tags in rows for tag in tags)
    return sorted(used, key=lambda tag: (-used[tag], tag))


def duplicate(user: User, query: SavedQuery) -> SavedQuery:
    """Create a private copy that belongs to ``user``."""
    return SavedQuery.objects.create(
        owner=user,
        name=f"Copy of {query.name}"[:MAX_NAME_CHARACTERS],
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


def set_favourite(query: SavedQuery, user: User, *, favourite: bool) -> None:
    """Mark a query as a user's favourite, or unmark it. May be repeated."""
    change = query.favoured_by.add if favourite else query.favoured_by.remove
    change(user)


def set_layout(query: SavedQuery, columns: Sequence[str], widths: str) -> None:
    """Store the columns in their order, and the plausible widths (a JSON object, name to pixels)."""
    try:
        given = json.loads(widths or "{}")
    except (ValueError, RecursionError):
        given = {}
    kept = {
        name[:MAX_COLUMN_CHARACTERS]: int(pixels)
        for name, pixels in (given.items() if isinstance(given, dict) else ())
        if isinstance(pixels, int | float) and pixels in COLUMN_WIDTH_RANGE
    }
    query.layout = {
        "columns": list(columns[:MAX_COLUMNS]),
        "widths": dict(list(kept.items())[:MAX_COLUMNS]),
    }
    query.save(update_fields=["layout", "updated_at"])


def _tagged(user: User, matches: Callable[[list[str]], bool]) -> list[UUID]:
    # In Python: SQLite stores JSON as text with escapes, in which a search does not find "größe".
    rows = SavedQuery.objects.visible_to(user).values_list("pk", "tags")
    return [pk for pk, tags in rows if matches(tags)]
