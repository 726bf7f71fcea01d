"""Unpacking of answers in bounded pieces."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.providers.content import CHUNK_BYTES, decompress
from queries.providers.errors import TruncatedStreamError, UnexpectedResponseError


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@given(st.binary(max_size=200_000), st.integers(min_value=1, max_value=5_000))
def test_gzip_comes_out_as_it_went_in_however_it_is_cut(data, size):
    pieces = list(decompress(cut(gzip.compress(data), size), "gzip"))
    assert b"".join(pieces) == data
    assert all(0 < len(piece) <= CHUNK_BYTES for piece in pieces)


def test_several_gzip_members_are_one_answer():
    packed = gzip.compress(b"one ") + gzip.compress(b"two ") + gzip.compress(b"")
    assert b"".join(decompress(cut(packed, 7), "x-gzip")) == b"one two "


def test_a_bomb_unpacks_in_small_pieces_and_only_as_far_as_it_is_read():
    bomb = gzip.compress(b"0" * 50_000_000, 9)
    pieces = decompress([bomb], "gzip")
    assert [len(next(pieces)) for _ in range(3)] == [CHUNK_BYTES] * 3


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_what_is_not_packed_passes_through(encoding):
    assert list(decompress([b"a", b"", b"b"], encoding)) == [b"a", b"b"]


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_an_encoding_that_was_not_asked_for_is_an_error(encoding):
    with pytest.raises(UnexpectedResponseError):
        decompress([b"a"], encoding)


def test_damaged_gzip_is_an_error_and_says_so():
    with pytest.raises(UnexpectedResponseError, match="damaged"):
        list(decompress([b"this is no gzip"], "gzip"))


def test_gzip_that_ends_early_is_a_cut_answer():
    packed = gzip.compress(bytes(range(256)) * 100)
    with pytest.raises(TruncatedStreamError):
        list(decompress([packed[:-20]], "gzip"))


def test_bytes_flushed_early_arrive_early():
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(b"row 1\n") + packer.flush(zlib.Z_SYNC_FLUSH)
    pieces = decompress(iter([first, packer.flush()]), "gzip")
    assert next(pieces) == b"row 1\n"
