"""Text search by tokens: `~`, `~~`, find and wildfind."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("msg ~ 'error'", [0, 1]),
        ("msg ~ 'ERROR'", [0, 1]),
        ("msg ~ 'err'", []),
        ("msg ~ 'error code'", [1]),
        ("msg ~ 'error_code=7'", [1]),
        ("msg ~ 'code error'", []),
        ("msg ~ 'hello world'", []),
        ("msg ~ 'CAFÉ'", [2]),
        ("msg ~ 'naïve café'", [2]),
        ("msg ~ 'caf'", []),
        ("msg ~ ''", []),
        ("msg ~ ' -- '", []),
        ("msg ~~ 'world'", [0]),
        ("status ~ '500'", [1]),
        ("status ~ '40'", []),
        ("status ~ '404'", [2]),
        ('$l.applicationname ~ "o x"', [4]),
        ("$m.severity ~ 'critical'", [3]),
        ("nothing ~ 'x'", []),
        ("kubernetes ~ 'web'", [0]),
        ("kubernetes ~ 'pod'", []),
        ("kubernetes.labels ~ 'kubernetes'", []),
        ("tags ~ 'b'", [1]),
        ("tags ~ 'a b'", []),
        ("nested ~ 'deep'", [4]),
        ("nested ~ '1'", [4]),
        ("js ~ 'y'", [4]),
        ("js ~ 'x'", [4]),
        ("$d ~ 'error'", [0, 1, 3]),
        ("$d ~~ 'deep'", [4]),
        ("$d ~~ 'nested'", []),
        ("$d ~~ '404'", [2]),
        ("$d ~~ 'raw text'", [3]),
        ("$d ~~ 'line error'", [3]),
        ("$d ~~ 'true'", [4]),
        ("$d ~~ 'bob'", [1]),
        ("!($d ~ 'error')", [2, 4]),
        ("textSearch($d, 'deep')", [4]),
    ],
)
def test_a_phrase_is_found_as_whole_tokens_in_any_case(logs, condition, expected):
    assert logs.ids(f"filter {condition}") == expected


@pytest.mark.parametrize(
    ("text", "phrase", "found"),
    [
        ('say "hello" there', "hello", True),
        ("first\\nsecond\\tthird", "second", True),
        ("first\\nsecond", "first second", True),
        ("first\\nsecond", "nsecond", False),
        ("C:\\\\new\\\\file", "file", True),
        ('{"level":"warn"}', "level", True),
        ('key\\": 1', "key", True),
        ("end", "end", True),
        ("a:b", "a", True),
        ('x": {"y', "y", True),
    ],
)
def test_search_in_a_document_reads_the_text_not_its_json(logs, text, phrase, found):
    query = (
        f"limit 1 | create $d.text from '{text}' | choose text | filter $d ~ '{phrase}'"
    )
    assert (logs.data(query) != []) is found
    query = f"limit 1 | choose ['{text}', 1] as list | filter list ~ '{phrase}'"
    assert (logs.data(query) != []) is found


@pytest.mark.parametrize("word", ["find", "text"])
def test_find_searches_one_keypath(logs, word):
    assert logs.ids(f"{word} 'failed' in msg") == [1]
    assert logs.ids(f"{word} 'web' in kubernetes") == [0]


@pytest.mark.parametrize("word", ["wildfind", "wildtext"])
def test_wildfind_searches_all_user_data(logs, word):
    assert logs.ids(f"{word} 'deep'") == [4]
    assert logs.ids(f"{word} 'blog'") == []
