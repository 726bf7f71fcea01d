"""A position in a list of tokens, with the errors a parser needs."""

from __future__ import annotations

from dataprime.errors import DataPrimeError, Position, printable
from dataprime.hints import misplaced_token_hint
from dataprime.tokens import Token, tokenize


class Cursor:
    """Walks over the tokens of one query."""

    def __init__(self, text: str) -> None:
        self._tokens = tokenize(text)
        self._place = 0

    @property
    def token(self) -> Token:
        """The token under the cursor."""
        return self._tokens[self._place]

    @property
    def at(self) -> Position:
        """The place of the token under the cursor."""
        return self.token.at

    def ahead(self, distance: int = 1) -> Token:
        """Return a later token, or the last."""
        return self._tokens[min(self._place + distance, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """Return the token under the cursor and step over it."""
        token = self.token
        if token.kind != "end":
            self._place += 1
        return token

    def at_op(self, *texts: str) -> bool:
        """Return whether an operator or bracket of these is next."""
        return self.token.kind == "op" and self.token.text in texts

    def at_word(self, *words: str) -> bool:
        """Return whether one of these words is next."""
        return self.token.kind == "ident" and self.token.text in words

    def accept_op(self, *texts: str) -> Token | None:
        """Step over one of these operators if it is next."""
        return self.advance() if self.at_op(*texts) else None

    def accept_word(self, *words: str) -> Token | None:
        """Step over one of these words if it is next."""
        return self.advance() if self.at_word(*words) else None

    def expect_op(self, text: str, where: str) -> Token:
        """Step over this operator. Raises DataPrimeError when it is missing."""
        found = self.accept_op(text)
        if found is None:
            raise self.unexpected(f"'{text}' {where}")
        return found

    def expect_word(self, *words: str, where: str) -> Token:
        """Step over one of these words. Raises DataPrimeError when missing."""
        found = self.accept_word(*words)
        if found is None:
            raise self.unexpected(f"'{words[0]}' {where}")
        return found

    def expect_kind(self, kind: str, what: str) -> Token:
        """Step over a token of this kind. Raises DataPrimeError otherwise."""
        if self.token.kind != kind:
            raise self.unexpected(what)
        return self.advance()

    def unexpected(self, wanted: str) -> DataPrimeError:
        """Return the error for a token that does not belong here."""
        if self.token.kind == "end":
            return DataPrimeError(f"the query ends where {wanted} is needed", *self.at)
        hint = (
            misplaced_token_hint(self.token.text)
            if self.token.kind != "string"
            else None
        )
        what = f"unexpected {printable(self.token.text)}"
        return DataPrimeError(f"{what}: {hint or f'{wanted} is needed'}", *self.at)
