"""``manage.py heartbeat``: for health checks of containers that only work."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from queries.runs.engine.heartbeat import is_alive, last_beat


class Command(BaseCommand):
    """Succeed if tasks have run lately, fail if not."""

    help = "Exits with 0 if the worker has run tasks in the last minute, else with 1."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Say when tasks last ran."""
        if not is_alive():
            raise CommandError(
                f"The worker is not working; last sign of life: {last_beat()}"
            )
        self.stdout.write(f"alive, {last_beat()}")
