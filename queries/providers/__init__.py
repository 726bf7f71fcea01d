"""Providers: one package per remote query service, over one small common base."""

from __future__ import annotations
