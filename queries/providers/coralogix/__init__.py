"""Coralogix: DataPrime and Lucene over logs and spans, direct and in the background.

Facts come from Coralogix' documentation of the HTTP API unless a comment says otherwise.
"""

from __future__ import annotations
