"""One command runs all: web server, worker and sandbox as child processes, watched.

django-q2 can wedge and can leave orphans, and it installs signal handlers and forks; so each
part is a process group of its own that is killed as a whole before it is started again.
"""

from __future__ import annotations
