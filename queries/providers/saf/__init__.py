"""Search Anywhere Framework: SAFL queries on the user's own server, in the background.

Facts come from its documentation of background tasks unless a comment says otherwise. That page describes requests
only; what answers look like is assumed after OpenSearch, which the product is built on, and read tolerantly.
"""

from __future__ import annotations
