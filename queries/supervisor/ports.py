"""Find free ports, and remember the last one."""

from __future__ import annotations

import socket
from contextlib import closing, suppress
from pathlib import Path

MAX_PORTS_TRIED = 50
MAX_PORT = 65_535


class NoFreePortError(Exception):
    """None of the ports that were tried is free."""


def is_free(host: str, port: int) -> bool:
    """Return whether we could listen on a port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        # As the servers do: a port in TIME_WAIT after a restart is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def find_free_port(host: str, wanted: int) -> int:
    """Return ``wanted``, or the next free port above it; 0 is any. Raises NoFreePortError."""
    if wanted == 0:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.bind((host, 0))
            return int(probe.getsockname()[1])
    for port in range(wanted, min(wanted + MAX_PORTS_TRIED, MAX_PORT + 1)):
        if is_free(host, port):
            return port
    raise NoFreePortError(f"No free port on {host} from {wanted} on.")


def accepts_connections(host: str, port: int, timeout: float = 0.2) -> bool:
    """Return whether a server accepts connections there."""
    try:
        with closing(socket.create_connection((host, port), timeout)):
            return True
    except OSError:
        return False


def load_port(file: Path, default: int) -> int:
    """Return the port in ``file``, or the default."""
    with suppress(OSError, ValueError):
        port = int(file.read_text())
        if 0 < port <= MAX_PORT:
            return port
    return default


def save_port(file: Path, port: int) -> None:
    """Save the port for the next start."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{port}\n")
