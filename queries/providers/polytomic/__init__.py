"""Polytomic: queries against the connections of a Polytomic organisation, in the background.

Facts come from Polytomic's API reference ("Query Runner", "Identity", "Connections", the guides on versioning and on
idempotent requests) and from its published Python client unless a comment says otherwise.
"""

from __future__ import annotations
