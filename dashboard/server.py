"""The web server's settings (gunicorn reads this module)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

wsgi_app = "dashboard.wsgi:application"
worker_class = "gthread"
workers = 2
threads = 8
# Slow responses are streamed by threads; this is for a worker that hangs as a whole.
timeout = 60
graceful_timeout = 10
keepalive = 5
# A URL with many columns is long; proxies refuse longer ones too.
limit_request_line = 8190
control_socket_disable = True
loglevel = "warning"
# gunicorn touches a file per worker twice a second: not on a disk that may be slow.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def worker_exit(_server: Any, _worker: Any) -> None:
    """End the direct runs and refines of a worker that exits, instead of leaving them to recovery."""
    from queries.runs.engine.executor import direct_executor, refine_executor

    refine_executor.stop()
    direct_executor.stop()
