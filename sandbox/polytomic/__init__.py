"""Polytomic's query runner as the sandbox speaks it: SQL over the shop's tables, for several people and connections."""

from __future__ import annotations
