"""Generators of well-typed expressions: what they make must compile and run."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

Texts = st.SearchStrategy[str]


def _made(template: str, *parts: Texts) -> Texts:
    return st.tuples(*parts).map(lambda values: template.format(*values))


def _either(*options: Texts) -> Texts:
    return st.one_of(*options)


def _words(text: str) -> Texts:
    return st.sampled_from(text.split())


@dataclass(frozen=True)
class Generators:
    """One generator for each type of the language."""

    numbers: Texts
    strings: Texts
    bools: Texts
    times: Texts
    intervals: Texts
    arrays: Texts

    @property
    def anything(self) -> Texts:
        typed = (self.numbers, self.strings, self.bools, self.times, self.intervals)
        return _either(*typed, self.arrays, UNKNOWN)


UNKNOWN = _words("$d.status $d.user $d.tags $d.kubernetes $d.nothing $d.id $d null")
PLAIN_NUMBERS = _either(
    _words("0 1 2.5 1e300 9223372036854775807 10000000000000000000 $d.dur $d.id"),
    _words("$d.status $d.status:num $d.user:num $m.severity:number $d.nothing pi()"),
)
PLAIN_STRINGS = _either(
    _words("'text' '' '5m' '2024-01-01' '-1' '%%' $d.msg $d.user $d.id:string"),
    _words("$l.applicationname $m.severity:string $m.timestamp:string $d.nothing"),
)
PLAIN_BOOLS = _words(
    "true false $d.ok $d.nothing ($m.severity>=ERROR) ($d.status==200)"
)
PLAIN_TIMES = _words(
    "$m.timestamp now() @'now' @'1969-01-01' @'2200-01-01' $d.at:timestamp $d.user:timestamp"
)
PLAIN_INTERVALS = _words("1h 0s 106000d 1ns $d.took:interval $d.nothing:interval")
PLAIN_ARRAYS = _words("[] [1,'a',null] [[1],true] $d.tags $d.nothing:array [$d.user]")


def _numbers(of: Generators) -> Texts:
    return _either(
        PLAIN_NUMBERS,
        _made("({} {} {})", of.numbers, _words("+ - * / %"), of.numbers),
        _made("(-{})", of.numbers),
        _made("{}({})", _words("abs ceil floor round sqrt ln log2"), of.numbers),
        _made(
            "{}({}, {})",
            _words("round power log mod max min sum"),
            of.numbers,
            of.numbers,
        ),
        _made("{}({})", _words("length byteLength codepoint"), of.strings),
        _made("indexOf({}, {})", of.strings, of.strings),
        _made("fromBase({}, {})", of.strings, _words("2 16 36")),
        _made("{}({})", _words("arrayLength cardinality"), of.arrays),
        _made("toUnixTime({}, '{}')", of.times, _words("s ms us ns m h d")),
        _made("extractTime({}, '{}')", of.times, _words("year week hour second ms")),
        _made(
            "extractTime({}, 'hour', '{}')", of.times, _words("Asia/Tokyo +05:30 UTC")
        ),
        _made("({} / {})", of.intervals, of.intervals),
        _made("({}):number", _either(of.strings, of.bools, of.times, of.intervals)),
        _made("if({}, {}, {})", of.bools, of.numbers, of.numbers),
    )


def _strings(of: Generators) -> Texts:
    return _either(
        PLAIN_STRINGS,
        _made("{}({})", _words("toLowerCase toUpperCase trim ltrim rtrim"), of.strings),
        _made(
            "{}({})",
            _words("encodeBase64 decodeBase64 urlEncode urlDecode"),
            of.strings,
        ),
        _made("concat({}, {})", of.anything, of.anything),
        _made("substr({}, {}, {})", of.strings, of.numbers, of.numbers),
        _made("{}({}, {}, '-')", _words("pad padRight"), of.strings, of.numbers),
        _made("splitParts({}, {}, {})", of.strings, of.strings, of.numbers),
        _made("regexpSplitParts({}, /[a-e]+/, {})", of.strings, of.numbers),
        _made("chr({})", of.numbers),
        _made("toBase({}, 7)", of.numbers),
        _made("arrayJoin({}, {})", of.arrays, of.strings),
        _made("formatTimestamp({}, '%F %T')", of.times),
        _made(
            "formatTimestamp({}, tz='{}')", of.times, _words("Europe/Paris -09:30 Z")
        ),
        _made("toIso8601DateTime({})", of.times),
        _made("formatInterval({}, '{}')", of.intervals, _words("s ns d")),
        _made("({}):string", of.anything),
        _made("firstNonNull({}, {})", of.strings, of.strings),
    )


def _bools(of: Generators) -> Texts:
    return _either(
        PLAIN_BOOLS,
        _made("({} {} {})", of.numbers, _words("== != < <= > >="), of.numbers),
        _made("({} {} {})", of.strings, _words("== != < >="), of.strings),
        _made("({} {} {})", of.times, _words("== < >="), of.times),
        _made("({} {} {})", of.intervals, _words("== < >="), of.intervals),
        _made("({} {} {})", of.arrays, _words("== !="), of.arrays),
        _made("({} {} {})", of.bools, _words("&& ||"), of.bools),
        _made("({} {} null)", of.anything, _words("== != <")),
        _made("(!{})", of.bools),
        _made(
            "({} {} '{}')", of.anything, _words("~ ~~"), _words("a error web-1 é 404")
        ),
        _made(
            "{}({}, {})", _words("contains startsWith endsWith"), of.strings, of.strings
        ),
        _made("matches({}, /.*[a-z]{{2}}\\d?/)", of.strings),
        _made("isUuid({})", of.strings),
        _made("({} in [{}, {}])", of.strings, of.strings, of.strings),
        _made("({} in [1, 2.5, {}])", of.numbers, of.numbers),
        _made("inArray({}, {})", of.anything, of.arrays),
        _made(
            "{}({}, {})",
            _words("isSubset isSuperset setEqualsTo"),
            of.arrays,
            of.arrays,
        ),
        _made("isEmpty({})", of.anything),
        _made("({}):bool", of.strings),
    )


def _times(of: Generators) -> Texts:
    return _either(
        PLAIN_TIMES,
        _made("({} {} {})", of.times, _words("+ - /"), of.intervals),
        _made("roundTime({}, {})", of.times, of.intervals),
        _made("{}({}, {})", _words("addTime subtractTime"), of.times, of.intervals),
        _made("fromUnixTime({}, '{}')", of.numbers, _words("s ms ns d")),
        _made(
            "parseTimestamp({}, '{}')",
            of.strings,
            _words("auto iso8601 %F timestamp_micro|%Y"),
        ),
        _made("parseTimestamp({}, tz='{}')", of.strings, _words("Asia/Tokyo +02")),
        _made("({}):timestamp", _either(of.numbers, of.strings)),
        _made("case {{ {} -> {}, _ -> {} }}", of.bools, of.times, of.times),
    )


def _intervals(of: Generators) -> Texts:
    return _either(
        PLAIN_INTERVALS,
        _made("({} {} {})", of.intervals, _words("+ - %"), of.intervals),
        _made("({} {} {})", of.intervals, _words("* /"), of.numbers),
        _made("({} - {})", of.times, of.times),
        _made("(-{})", of.intervals),
        _made("diffTime({}, {})", of.times, of.times),
        _made("multiplyInterval({}, {})", of.intervals, of.numbers),
        _made("roundInterval({}, '{}')", of.intervals, _words("d h s")),
        _made("toInterval({}, '{}')", of.numbers, _words("ns s d")),
        _made("parseInterval({})", of.strings),
        _made("({}):interval", _either(of.numbers, of.strings)),
    )


def _arrays(of: Generators) -> Texts:
    return _either(
        PLAIN_ARRAYS,
        _made("[{}, {}]", of.anything, of.anything),
        _made("arraySort({}, {})", of.arrays, _words("true false")),
        _made("{}({}, {})", _words("arrayAppend arrayRemove"), of.arrays, of.anything),
        _made(
            "{}({}, {})",
            _words("setUnion setDiff setIntersection"),
            of.arrays,
            of.arrays,
        ),
        _made(
            "{}({}, {})", _words("arrayConcat setDiffSymmetric"), of.arrays, of.arrays
        ),
        _made("arrayRemoveAt({}, {})", of.arrays, of.numbers),
        _made(
            "{}({}, {}, {})",
            _words("arrayInsertAt arrayReplaceAt"),
            of.arrays,
            of.numbers,
            of.anything,
        ),
        _made("arrayReplaceAll({}, {}, {})", of.arrays, of.anything, of.anything),
        _made(
            "arraySplit({}, {})", of.strings, _either(of.strings, st.just("/[aeiou]/"))
        ),
    )


def _grown(of: Generators) -> Generators:
    makers = (_numbers, _strings, _bools, _times, _intervals, _arrays)
    return Generators(*(maker(of) for maker in makers))


_FLAT = Generators(
    PLAIN_NUMBERS,
    PLAIN_STRINGS,
    PLAIN_BOOLS,
    PLAIN_TIMES,
    PLAIN_INTERVALS,
    PLAIN_ARRAYS,
)
_DEEP = _grown(_grown(_FLAT))
numbers, bools, anything = _DEEP.numbers, _DEEP.bools, _DEEP.anything
