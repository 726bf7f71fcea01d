"""The Django project: configuration only."""

from __future__ import annotations

#: The version of the product, as in pyproject.toml (a test compares them).
__version__ = "0.2.0"
