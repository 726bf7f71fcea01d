"""The Django project: configuration only."""

#: The product's, as in pyproject.toml; exports tell it.
from __future__ import annotations

__version__ = "0.1.0"
