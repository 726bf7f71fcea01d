"""Run everything with one command: web server, worker and sandbox as supervised child processes.

django-q2 can get stuck and can leave orphans, and it installs signal handlers and forks. So each
part is a process group of its own, killed as a whole before it is restarted.
"""

from __future__ import annotations
