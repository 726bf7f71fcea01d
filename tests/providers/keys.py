"""The key of all these tests: long and odd enough to be found wherever it leaks."""

from __future__ import annotations

CANARY = "cxup_canary-7f3a9e2b41d8"
