"""WSGI entry point for gunicorn."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from dashboard.env import load_local_secrets

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
load_local_secrets()
application = get_wsgi_application()
