"""From text to tokens, each with its place."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from dataprime.errors import (
    DataPrimeError,
    Position,
    UnknownConstructError,
    printable,
)
from dataprime.times import parse_interval_nanos

# The longest text Coralogix documents: 65,535 for saved views and alerts.
MAX_TEXT = 65_535
# More digits do not fit DuckDB's widest integer; such a number becomes a float.
MAX_DIGITS = 38

_TOKEN = re.compile(
    r"""
    (?P<space>   \s+ | //[^\n]* | \#[^\n]* | /\*.*?\*/ )
  | (?P<interval>(?:[0-9]+(?:ns|us|µs|ms|[wdhms]))+ (?!\w) )
  | (?P<number>  [0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)? (?!\w) )
  | (?P<ident>   [^\W\d]\w* )
  | (?P<root>    \$[^\W\d]\w* )
  | (?P<op>      == | != | <= | >= | && | \|\| | ~~ | -> | => | <>
               | [-+*/%<>!~=|.,:()\[\]{}@?;] )
    """,
    re.VERBOSE | re.DOTALL,
)
_STRING = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)
_REGEX = re.compile(r"/((?:[^/\\\[\n]|\\[^\n]|\[(?:[^\]\\\n]|\\[^\n])*\])+)/")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "'": "'", '"': '"', "\\": "\\", "`": "`"}
_OPERANDS = {"ident", "root", "number", "interval", "string", "regex"}


@dataclass(frozen=True)
class Token:
    """One token. `text` is the source form; `value` the decoded string or number."""

    kind: str
    text: str
    at: Position
    value: str | int | float | None = None


class Lexer:
    """Reads one text into tokens, ending with one of kind `end`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        self._offset = 0
        self._lines = [0, *(m.end() for m in re.finditer("\n", text))]

    def read(self) -> list[Token]:
        """Return all tokens. Raises DataPrimeError."""
        self._check_text()
        while self._offset < len(self.text):
            self._step()
        self.tokens.append(Token("end", "", self.position(len(self.text))))
        return self.tokens

    def position(self, offset: int) -> Position:
        """Return the place of a character offset."""
        line = bisect_right(self._lines, offset)
        return Position(line, offset - self._lines[line - 1] + 1)

    def _check_text(self) -> None:
        if len(self.text) > MAX_TEXT:
            raise DataPrimeError(f"the query is longer than {MAX_TEXT:,} characters")
        try:
            self.text.encode()
        except UnicodeEncodeError as error:
            at = self.position(error.start)
            raise DataPrimeError("the query is not valid Unicode", *at) from error

    def _step(self) -> None:
        char = self.text[self._offset]
        if char in "'\"":
            self._string(char)
        elif char == "`":
            raise UnknownConstructError(
                "unknown construct: text between backticks", *self._here()
            )
        elif char == "/" and not self._after_operand() and not self._at_comment():
            self._regex()
        else:
            self._plain()

    def _here(self) -> Position:
        return self.position(self._offset)

    def _at_comment(self) -> bool:
        return self.text[self._offset : self._offset + 2] in ("//", "/*")

    def _after_operand(self) -> bool:
        if not self.tokens:
            return False
        last = self.tokens[-1]
        # `redact msg matching /…/`: the word is no operand, unless it is a key.
        if last.text == "matching" and [t.text for t in self.tokens[-2:-1]] != ["."]:
            return False
        return last.kind in _OPERANDS or last.text in (")", "]", "}")

    def _add(self, kind: str, end: int, value: str | float | None = None) -> None:
        text = self.text[self._offset : end]
        self.tokens.append(Token(kind, text, self._here(), value))
        self._offset = end

    def _string(self, quote: str) -> None:
        match = _STRING.match(self.text, self._offset)
        if match is None:
            raise DataPrimeError(
                f"unterminated string: a closing {quote} is missing", *self._here()
            )
        body = match[1] if match[1] is not None else match[2]
        self._add("string", match.end(), _ESCAPE.sub(_unescape, body))

    def _regex(self) -> None:
        match = _REGEX.match(self.text, self._offset)
        if match is None:
            raise DataPrimeError(
                "unterminated regular expression: a closing / is missing",
                *self._here(),
            )
        self._add("regex", match.end(), match[1])

    def _plain(self) -> None:
        match = _TOKEN.match(self.text, self._offset)
        if match is None or match.lastgroup is None or self._at_open_comment(match):
            raise self._unreadable()
        if match.lastgroup == "space":
            self._offset = match.end()
        else:
            value = self._value(match.lastgroup, match[0])
            self._add(match.lastgroup, match.end(), value)

    def _at_open_comment(self, match: re.Match[str]) -> bool:
        return match[0] == "/" and self._at_comment()

    def _value(self, kind: str, text: str) -> float | None:
        if kind == "number":
            return self._number(text)
        if kind == "interval":
            nanos = parse_interval_nanos(text)
            if nanos is None:
                raise DataPrimeError(
                    f"{printable(text)} is not an interval: units go from large to small, "
                    "each once, as in 1d2h30m",
                    *self._here(),
                )
            return nanos
        return None

    def _number(self, text: str) -> float:
        # Bounded before `int`, which refuses (and is slow on) thousands of digits.
        value = float(text)
        if value == float("inf"):
            raise DataPrimeError("the number is too large", *self._here())
        if text.isdigit() and len(text.lstrip("0")) <= MAX_DIGITS:
            return int(text)
        return value

    def _unreadable(self) -> DataPrimeError:
        rest = self.text[self._offset :]
        if rest.startswith("/*"):
            return DataPrimeError("unterminated comment", *self._here())
        word = re.match(r"\d\w*", rest)
        if word:
            return DataPrimeError(
                f"{printable(word[0])} is not a number or an interval such as 1d2h30m "
                "(a key that begins with a digit is written $d['0key'])",
                *self._here(),
            )
        return DataPrimeError(
            f"unexpected character {printable(rest[0])}", *self._here()
        )


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a query. Raises DataPrimeError."""
    return Lexer(text).read()


def _unescape(match: re.Match[str]) -> str:
    # Assumption: other backslashes are kept, so that '\d' stays what was written.
    return _ESCAPES.get(match[1], match[0])
