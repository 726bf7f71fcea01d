"""Download files that a provider makes of a job's result, as streams."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from queries.connections.services import open_provider
from queries.exports.formats import Report
from queries.exports.formats.files import atomic_file
from queries.models import Run
from queries.providers.base import FileOptions
from queries.providers.errors import LimitExceededError, NotFoundError
from queries.runs.engine import access
from queries.runs.engine.receiver import stream_policy


def file_options(chosen: dict[str, Any], form: str, name: str) -> FileOptions:
    """Return the user's choices as the provider takes them."""
    stem = name.removesuffix(".zip").removesuffix(f".{form}")
    return FileOptions(form, stem, chosen["limit"], chosen["compression"] == "zip")


def download_file(
    run: Run, options: FileOptions, path: Path, progress: Callable[[int, int], None]
) -> Report:
    """Have the file made and write it to ``path``. ``progress`` gets 0 rows and the bytes so far; its exceptions stop the download.

    Raises ProviderError, and OSError of the disk. The query is not run again.
    """
    if not run.job_id:
        raise NotFoundError("This run has no job at the provider.")
    digest, size = hashlib.sha256(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        open_provider(access.connection_for(run), stream_policy()) as provider,
        provider.make_file(run.job_id, options) as stream,
        atomic_file(path) as file,
    ):
        for chunk in stream:
            size += len(chunk)
            if size > settings.MAX_BYTES:
                raise LimitExceededError(
                    f"The provider's file is larger than the limit of {settings.MAX_BYTES:,} bytes."
                )
            digest.update(chunk)
            file.write(chunk)
            progress(0, size)
    return Report(size=size, sha256=digest.hexdigest())
