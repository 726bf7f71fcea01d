#!/usr/bin/env python
"""Django's command-line entry point."""

from __future__ import annotations

import os
import sys

from dashboard import __version__
from dashboard.env import load_local_secrets


def main() -> None:
    """Run one management command with the project's settings; `version` needs none."""
    if sys.argv[1:] in (["version"], ["--version"]):
        # Django would print its own.
        sys.stdout.write(f"querydeck {__version__}\n")
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    load_local_secrets()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
