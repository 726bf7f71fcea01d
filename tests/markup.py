"""Reading a page as one line, however its template is broken into lines."""

from __future__ import annotations

import re


def one_line(html: str) -> str:
    """Return ``html`` with its line breaks removed inside tags and next to them, and made a space elsewhere.

    A space next to an inline element is kept only where the source has it within a line.
    """
    html = re.sub(r"\s*\n\s*>", ">", html)
    html = re.sub(r">\s*\n\s*<", "><", html)
    html = re.sub(r"(<\w[^<>]*>)\s*\n\s*", r"\1", html)
    html = re.sub(r"\s*\n\s*</", "</", html)
    return re.sub(r"\s*\n\s*", " ", html)
