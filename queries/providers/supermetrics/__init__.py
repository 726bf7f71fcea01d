"""Supermetrics: marketing data from many sources, asked for in JSON, directly and in the background.

Facts come from Supermetrics' API documentation (docs.supermetrics.com, supermetrics.com/docs) unless a comment says
otherwise.
"""

from __future__ import annotations
