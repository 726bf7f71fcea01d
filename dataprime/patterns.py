"""Regular expressions: read what users write, emit only what RE2 surely takes.

DuckDB matches with RE2, which has no look-around and no back-references, and raises on
anything it cannot compile, even inside TRY. So every pattern is read here first, and
refused with the place of the fault.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field

from dataprime.errors import DataPrimeError, Position, printable

# RE2 refuses repetitions whose product is above 1,000, and programs above 8 MB.
MAX_REPEAT = 1_000
MAX_COST = 50_000
MAX_DEPTH = 40
# A Unicode category compiles to hundreds of byte ranges (measured on DuckDB 2.0).
_CATEGORY_COST = 200
_SET = re.compile(r"\\[pP]")
_SURROGATES = range(0xD800, 0xE000)
_NAME = re.compile(r"\?P?<([A-Za-z_][A-Za-z0-9_]*)>")
_FLAGS = re.compile(r"\?([imsU]*)(?:-([imsU]+))?([:)])")
_COUNT = re.compile(r"\{([0-9]{1,5})(?:,([0-9]{0,5}))?\}")
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})")
_CATEGORY = re.compile(r"[pP](?:\{\^?(C|L|M|N|P|S|Z)\}|(C|L|M|N|P|S|Z))")
_POSIX = re.compile(
    r"\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper"
    r"|word|xdigit):\]"
)
_CONTROL = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "f": "\f",
    "v": "\v",
    "a": "\a",
    "e": "\x1b",
}
_LETTERED = {"Z": r"\n?\z", "h": r"[ \t]", "R": r"(?:\r\n|[\n\r])"}


@dataclass(frozen=True)
class Pattern:
    """A checked pattern in RE2's dialect; named groups with their numbers."""

    text: str
    groups: dict[str, int] = field(default_factory=dict)


def check_pattern(text: str, at: Position) -> Pattern:
    """Return the pattern for RE2. `at` is where the text begins.

    Raises DataPrimeError at the character that is wrong or not supported.
    """
    return _Reader(text, at).read()


def quote(text: str) -> str:
    """Return a pattern that matches a text literally."""
    return "".join(
        c if c.isalnum() or not c.isascii() else f"\\x{ord(c):02x}" for c in text
    )


class _Reader:
    def __init__(self, text: str, at: Position) -> None:
        self.text = text
        self.at = at
        self.place = 0
        self.groups: dict[str, int] = {}
        self.opened = 0

    def read(self) -> Pattern:
        out, cost, _ = self._alternatives(depth=0)
        if self.place < len(self.text):
            raise self._fault("a ')' without its '('")
        if cost > MAX_COST:
            raise self._fault("the pattern is too large", 0)
        return Pattern(out, self.groups)

    def _fault(self, message: str, place: int | None = None) -> DataPrimeError:
        column = self.at.column + (self.place if place is None else place)
        return DataPrimeError(f"regular expression: {message}", self.at.line, column)

    def _peek(self) -> str:
        return self.text[self.place : self.place + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise self._fault("it ends too early")
        self.place += 1
        return char

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.place)
        if found:
            self.place = found.end()
        return found

    def _alternatives(self, depth: int) -> tuple[str, int, int]:
        """Return the pattern up to `)` or the end, its cost and repetition factor."""
        if depth > MAX_DEPTH:
            raise self._fault("groups are nested too deep")
        parts, total, most = [""], 0, 1
        while self._peek() not in ("", ")"):
            if self._peek() == "|":
                self.place += 1
                parts.append("")
                continue
            out, cost, factor = self._repeated(depth)
            parts[-1] += out
            total, most = total + cost, max(most, factor)
        return "|".join(parts), total, most

    def _repeated(self, depth: int) -> tuple[str, int, int]:
        atom, cost, factor = self._atom(depth)
        char = self._peek()
        if char and char in "*+?":
            self.place += 1
            return atom + char + self._lazy(), cost + 1, factor
        start = self.place
        count = self._match(_COUNT)
        if count is None:
            return atom, cost, factor
        low, high = int(count[1]), int(count[2] or count[1])
        if high < low or high * factor > MAX_REPEAT:
            raise self._fault(
                f"the repetition {printable(count[0])} is too large", start
            )
        times = max(high, 1)
        return atom + count[0] + self._lazy(), cost * times + 1, factor * times

    def _lazy(self) -> str:
        lazy = "?" if self._peek() == "?" else ""
        self.place += len(lazy)
        if (self._peek() and self._peek() in "*+?") or _COUNT.match(
            self.text, self.place
        ):
            raise self._fault("two repetitions in a row")
        return lazy

    def _atom(self, depth: int) -> tuple[str, int, int]:
        start = self.place
        char = self._take()
        if char == "(":
            return self._group(depth, start)
        if char == "[":
            out = self._class(start)
            return out, 10 + _category_cost(out), 1
        if char == "\\":
            out = self._escape(start)
            return out, 2 + _category_cost(out), 1
        if char in "*+?" or (char == "{" and _COUNT.match(self.text, start)):
            raise self._fault("nothing to repeat", start)
        if char in "^$.":
            return f"(?:{char})" if char != "." else char, 2, 1
        return quote(char), 2, 1

    def _group(self, depth: int, start: int) -> tuple[str, int, int]:
        name = self._match(_NAME)
        if name:
            return self._named(name[1], depth, start)
        if self._peek() != "?":
            self.opened += 1
            return self._closed("(", depth, start)
        flags = self._match(_FLAGS)
        if flags is None:
            raise self._fault(
                "look-around, atomic groups and conditions are not supported", start
            )
        prefix = f"(?{flags[1]}{'-' + flags[2] if flags[2] else ''}"
        if flags[3] == ")":
            # The empty group keeps a repetition that follows from touching the flags.
            return f"{prefix})(?:)", 1, 1
        return self._closed(f"{prefix}:", depth, start)

    def _named(self, name: str, depth: int, start: int) -> tuple[str, int, int]:
        if name in self.groups:
            raise self._fault(f"two groups are called {printable(name)}", start)
        self.opened += 1
        self.groups[name] = self.opened
        return self._closed(f"(?P<{name}>", depth, start)

    def _closed(self, opening: str, depth: int, start: int) -> tuple[str, int, int]:
        inner, cost, factor = self._alternatives(depth + 1)
        if self._peek() != ")":
            raise self._fault("a '(' is not closed", start)
        self.place += 1
        return f"{opening}{inner})", cost + 2, factor

    def _escape(self, start: int) -> str:
        """Return the escape after a backslash, outside a class."""
        char = self._peek()
        if char and char in "bBAz":
            self.place += 1
            return f"(?:\\{char})"
        if char and char in _LETTERED:
            self.place += 1
            return f"(?:{_LETTERED[char]})"
        return self._set() or quote(self._single(start))

    def _set(self) -> str | None:
        """Return an escape that stands for many characters, if one is next."""
        char = self._peek()
        if char and char in "dDsSwW":
            self.place += 1
            return f"\\{char}"
        category = self._match(_CATEGORY)
        return f"\\{category[0]}" if category else None

    def _single(self, start: int) -> str:
        """Return the one character an escape stands for."""
        code = self._match(_HEX)
        if code:
            number = int(code[1] or code[2] or code[3], 16)
            if number > sys.maxunicode or number in _SURROGATES:
                raise self._fault("no such character", start)
            return chr(number)
        char = self._take()
        if char in _CONTROL:
            return _CONTROL[char]
        if char.isalnum():
            raise self._fault(
                f"the escape {printable(chr(92) + char)} is unknown", start
            )
        return char

    def _class(self, start: int) -> str:
        out = "[^" if self._peek() == "^" else "["
        self.place += len(out) - 1
        first = True
        while first or self._peek() != "]":
            if not self._peek():
                raise self._fault("a '[' is not closed", start)
            out += self._range()
            first = False
        self.place += 1
        return out + "]"

    def _range(self) -> str:
        posix = self._match(_POSIX)
        if posix:
            return posix[0]
        start = self.place
        low, out = self._member()
        if low is None or self._peek() != "-":
            return out
        if self.text[self.place + 1 : self.place + 2] in ("]", ""):
            return out
        self.place += 1
        high, end = self._member()
        if high is None or high < low:
            raise self._fault("the range of characters is not one", start)
        return f"{out}-{end}"

    def _member(self) -> tuple[str | None, str]:
        """Return one character of a class (None for a set like `\\d`) and its text."""
        start = self.place
        char = self._take()
        if char == "\\":
            found = self._set()
            if found:
                return None, found
            char = self._single(start)
        return char, quote(char)


def _category_cost(out: str) -> int:
    return _CATEGORY_COST * len(_SET.findall(out))
