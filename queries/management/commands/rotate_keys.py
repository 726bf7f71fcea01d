"""``manage.py rotate_keys``: seal every stored key anew under the newest field key.

Put the new key first in ``QUERYDECK_FIELD_KEYS``, restart, run this, then drop the old key.
Repeating it is harmless, and so is running it while the product runs.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from queries.connections.services import Rotation, rotate_keys


class Command(BaseCommand):
    """Re-encrypts stored keys, batch by batch."""

    help = "Seal every stored API key under the first of QUERYDECK_FIELD_KEYS."

    def add_arguments(self, parser: CommandParser) -> None:
        """``--batch``: rows read at a time."""
        parser.add_argument("--batch", type=int, default=200, help="rows at a time")

    def handle(self, *_args: Any, batch: int, **_options: Any) -> None:
        """Report counts; end with an error if a key could not be read."""
        if batch < 1:
            raise CommandError("--batch must be at least 1.")
        done = Rotation()
        for done in rotate_keys(batch):
            self._say(done)
        if not done.failed:
            self.stdout.write(self.style.SUCCESS("Every key is under the newest one."))
            return
        named = ", ".join(str(pk) for pk in done.failed)
        raise CommandError(
            f"{len(done.failed)} could not be read with the keys at hand. "
            f"Enter the keys of these connections again: {named}"
        )

    def _say(self, done: Rotation) -> None:
        self.stdout.write(
            f"{done.sealed} sealed anew, {done.current} already under the newest key, "
            f"{len(done.failed)} failed"
        )
