"""The addresses of the API. An id that is empty or could change a path never gets into one.

`break/` and `status/` without an id mean all tasks: only the functions made for that build them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from queries.providers.errors import NotFoundError

ROOT: Final = "/_sme/async_requests"
STATS_ROOT: Final = "/_sme/queryStats"
# Assumption: ids are short and made of these characters, as OpenSearch's are (base64, UUID, number).
_JOB_ID = re.compile(r"[A-Za-z0-9_=+:~-][A-Za-z0-9_=+:~.-]{0,199}")


def path_prefix(options: Mapping[str, Any]) -> str:
    """Return the path in front of the API, without a slash at its end; "" if there is none."""
    return urlsplit(str(options.get("address") or "").strip()).path.rstrip("/")


def is_job_id(value: object) -> bool:
    """Return whether a value can be asked for: not empty, and nothing in it that a path would take for its own."""
    return isinstance(value, str) and _JOB_ID.fullmatch(value) is not None


def job_path(verb: str, job_id: str) -> str:
    """Return the path of a call about one task. Raises NotFoundError for an id that is none."""
    if not is_job_id(job_id):
        raise NotFoundError("This is not the id of a task.", code="not_an_id")
    return f"{ROOT}/{verb}/{quote(job_id, safe='')}"


def submit_path() -> str:
    """Return the path that takes new tasks."""
    return f"{ROOT}/request"


def all_statuses_path() -> str:
    """Return the path that lists all tasks the user may see."""
    return f"{ROOT}/status/"


def cancel_all_path() -> str:
    """Return the path that cancels all active tasks of the user. Nothing but `cancel_all` may ask for it."""
    return f"{ROOT}/break/"
