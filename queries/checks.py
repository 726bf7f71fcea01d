"""System checks of ``manage.py check`` for settings that would only fail later."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def check_queue_retry(**_kwargs: Any) -> list[CheckMessage]:
    """Check that the queue's retry outlasts its timeouts.

    django-q2 hands a task out again ``retry`` seconds after it was *claimed*. With a shorter retry than
    timeout x rounds, tasks run twice (measured with 2 workers).
    """
    conf = settings.Q_CLUSTER
    rounds = 1 + -(-(conf["queue_limit"] + conf["bulk"]) // conf["workers"])
    if conf["retry"] > conf["timeout"] * rounds:
        return []
    return [
        Error(
            f"Q_CLUSTER retry ({conf['retry']} s) must exceed "
            f"{conf['timeout'] * rounds} s, or tasks run twice.",
            id="queries.E001",
        )
    ]
