"""Search Anywhere Framework's wire protocol: background tasks over a core of its query language.

Requests are those of its documentation; answers, which are not documented, have the forms of OpenSearch, which the
product is built on.
"""

from __future__ import annotations
