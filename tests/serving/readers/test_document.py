"""The scan against Python's json, and arrays against float(), for whatever JSON there is."""

import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from truetpot.errors import UserError
from truetpot.serving.readers import document as document_module
from truetpot.serving.readers import json_values, scan
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.source import Source

ANY_CHARACTER = st.characters(codec=None, exclude_categories=())  # Lone surrogates too.
ODD_TEXTS = st.sampled_from(['"', "\\", '\\"', "]", "}", "{[", ",", ":", "\u2028", "\x00", ""])
TEXTS = st.text(ANY_CHARACTER, max_size=8) | ODD_TEXTS
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=30,
)
FORMS = st.sampled_from(
    [
        {},
        {"indent": 1},
        {"indent": "\t\r\n "},
        {"separators": (",", ":")},
        {"separators": (" , ", " : ")},
    ]
)
NUMBERS = st.floats() | st.integers(-(10**25), 10**25) | st.none()
ON_ONE_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def built(node: Node) -> Any:
    """The value again, member by member and element by element."""
    if node.kind == "object":
        return {key: built(member) for key, member in node.members.items()}
    if node.kind == "list":
        return [built(element) for element in node.elements()]
    return node.value()


def same(a: Any, b: Any) -> bool:
    """Equal, with NaN equal to NaN."""
    return repr(a) == repr(b)


@given(value=VALUES, form=FORMS)
@ON_ONE_FILE
def test_spans_agree_with_json(
    value: Any, form: dict[str, Any], document: Callable[[bytes], Document]
) -> None:
    text = json.dumps(value, **form)
    assert same(built(document(text.encode()).first), json.loads(text))


@given(value=VALUES, form=FORMS, small=st.integers(1, 40))
@ON_ONE_FILE
def test_slices_may_end_anywhere(
    value: Any, form: dict[str, Any], small: int, document: Callable[[bytes], Document]
) -> None:
    text = json.dumps([value, [value], value], **form)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document_module, "_SLICE", small)
        patch.setattr(document_module, "_SLICE_ELEMENTS", 1 + small % 3)
        assert same(built(document(text.encode()).first), json.loads(text))


@given(
    values=st.lists(VALUES, min_size=1, max_size=4), gap=st.sampled_from(["\n", " \r\n\n", "\t"])
)
@ON_ONE_FILE
def test_values_one_after_the_other(
    values: list[Any], gap: str, document: Callable[[bytes], Document]
) -> None:
    found = document(gap.join(map(json.dumps, values)).encode())
    assert same([built(node) for node in found.values()], json.loads(json.dumps(values)))
    assert found.several == (len(values) > 1)


def bits(values: Any) -> list[bytes]:
    """Of float64, signs of zero and all; JSON has but one NaN."""
    return [struct.pack("d", math.nan if math.isnan(value) else value) for value in values]


def as_float(value: float | None) -> float:
    return math.nan if value is None else float(value)


@given(values=st.lists(NUMBERS, max_size=20), small=st.integers(1, 60))
@ON_ONE_FILE
def test_floats_are_exact(
    values: list[float | None], small: int, document: Callable[[bytes], Document]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document_module, "_SLICE", small)
        found = document(json.dumps({"x": values}).encode()).first.floats("x")
    assert found is not None and found.dtype == np.float64
    assert bits(found) == bits(map(as_float, values))


@given(
    rows=st.lists(st.lists(NUMBERS, max_size=6) | st.none(), max_size=8), small=st.integers(1, 60)
)
@ON_ONE_FILE
def test_ragged_lists_are_exact(
    rows: list[list[float | None] | None], small: int, document: Callable[[bytes], Document]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document_module, "_SLICE", small)
        found = document(json.dumps({"x": rows}).encode()).first.ragged("x")
    assert found is not None and found.offsets.dtype == np.int64
    ends = found.offsets.tolist()
    assert len(ends) == len(rows) + 1 and ends[-1] == len(found.seconds)
    for i, row in enumerate(rows):
        assert bits(found.seconds[ends[i] : ends[i + 1]]) == bits(map(as_float, row or []))


DIGITS = st.text("0123456789", min_size=1, max_size=25)


@given(
    texts=st.lists(
        st.builds(
            lambda sign, whole, part, power: f"{sign}{whole.lstrip('0') or '0'}{part}{power}",
            st.sampled_from(["", "-"]),
            DIGITS,
            st.just("") | DIGITS.map(lambda digits: f".{digits}"),
            st.just("") | st.integers(-340, 320).map(lambda power: f"e{power:+}"),
        ),
        max_size=10,
    )
)
@ON_ONE_FILE
def test_any_way_to_write_a_number_is_exact(
    texts: list[str], document: Callable[[bytes], Document]
) -> None:
    found = document(f"[{','.join(texts)}]".encode()).first.floats()
    assert found is not None
    # "-0" is a whole number, and those have no negative zero.
    assert bits(found) == bits(0.0 if text == "-0" else float(text) for text in texts)


@pytest.mark.parametrize(
    "text",
    ["9007199254740993", "1e23", "8.5e22", "2.2250738585072011e-308", "5e-324",
     "2.4703282292062328e-324", "0.1", "1.7976931348623158e308",
     "179769313486231570814527423731704356798070e267",
     "0.500000000000000166533453693773481063544750213623046875", "1e400", "-1e400", "1e-400"],
)  # fmt: skip
def test_hard_numbers_are_exact(text: str, document: Callable[[bytes], Document]) -> None:
    first = document(f'{{"x":[{text}],"y":[[{text}],[]],"z":{text}}}'.encode()).first
    floats, ragged = first.floats("x"), first.ragged("y")
    assert floats is not None and ragged is not None
    assert bits(floats) == bits(ragged.seconds) == bits([float(text)]) == bits([first.number("z")])


@given(values=st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=10))
@ON_ONE_FILE
def test_counts_are_exact(values: list[int | None], document: Callable[[bytes], Document]) -> None:
    found = document(json.dumps(values).encode()).first.counts()
    assert found is not None and found.dtype == np.int64
    assert found.tolist() == [-1 if value is None else value for value in values]


def test_a_list_of_counts_may_have_whole_floats(document: Callable[[bytes], Document]) -> None:
    found = document(b"[4096.0, NaN, null, 2, 399.99999999999994]").first.counts()
    assert found is not None and found.tolist() == [4096, -1, -1, 2, 400]


def test_of_keys_written_twice_the_last_counts(document: Callable[[bytes], Document]) -> None:
    assert document(b'{"a": 1, "b": 2, "\\u0061": 3}').first.count("a") == 3


def test_byte_order_mark_and_line_ends(document: Callable[[bytes], Document]) -> None:
    content = b'\xef\xbb\xbf\r\n{\r\n "a" :\r\n\t[ 1 ,\r\n 2 ]\r\n}\r\n'
    found = document(content).first.floats("a")
    assert found is not None and found.tolist() == [1, 2]


def test_numbers_written_as_text(document: Callable[[bytes], Document]) -> None:
    first = document(b'{"a": "inf", "b": "-Infinity", "c": "1e3", "d": "NaN", "e": "0.25"}').first
    found = [first.number(key) for key in "abcde"]
    np.testing.assert_array_equal(
        np.array(found, float), [math.inf, -math.inf, 1e3, math.nan, 0.25]
    )


def test_absent_and_null_are_the_same(document: Callable[[bytes], Document]) -> None:
    first = document(b'{"a": null, "b": {"c": null}}').first
    for path in (("a",), ("b", "c"), ("b", "d"), ("e", "f", "g"), ("a", "f")):
        assert first.get(*path) is None
        assert first.number(*path) is None and first.floats(*path) is None
        assert first.ragged(*path) is None and list(first.elements(*path)) == []
        assert list(first.texts(*path)) == []


@pytest.mark.parametrize(
    ("content", "method", "words"),
    [
        (b'{"x": "abc"}', "number", ('"x" (byte 6)', '"abc"', "number")),
        (b'{"x": "1_000"}', "number", ('"1_000"',)),
        (b'{"x": " 1"}', "number", ('" 1"',)),
        ('{"x": "\u0661"}'.encode(), "number", ("where a number was expected",)),
        (b'{"x": [1]}', "number", ("is a list",)),
        (b'{"x": true}', "number", ("is a boolean",)),
        (b'{"x": 1.5}', "count", ("1.5", "whole number")),
        (b'{"x": 399.9999999}', "count", ("399.9999999", "whole number")),
        (b'{"x": 1e-20}', "count", ("1e-20", "whole number")),
        (b'{"x": 1e300}', "count", ("whole number",)),
        (b'{"x": 9223372036854775808}', "count", ("whole number",)),
        (b'{"x": ' + b"9" * 5000 + b"}", "count", ("x",)),
        (b'{"x": ' + b"9" * 5000 + b"}", "number", ("x",)),
        (b'{"x": 5}', "text", ("is a number", "a string was expected")),
        (b'{"x": 5}', "flag", ("is a number",)),
        (b'{"x": {}}', "floats", ("is an object",)),
        (b'{"x": [1, "2"]}', "floats", ('"2"', "list of numbers")),
        (b'{"x": [1, true]}', "floats", ("True",)),
        (b'{"x": [1, [2]]}', "floats", ("list of numbers",)),
        (b'{"x": [[1], 2]}', "ragged", ("list of lists",)),
        (b'{"x": [[1], 0, false]}', "ragged", ("0 in a list of lists",)),
        (b'{"x": [[1], ""]}', "ragged", ("list of lists",)),
        (b'{"x": [[1], {}]}', "ragged", ("{} in a list of lists",)),
        (b'{"x": [0]}', "ragged", ('"x[0]"', "is a number")),
        (b'{"x": [[1], [[2]]]}', "ragged", ("list of numbers",)),
        (b'{"x": [1.5]}', "counts", ("1.5", "whole numbers")),
        (b'{"x": [9223372036854775808]}', "counts", ("64 bits",)),
        (b'{"x": [' + b"9" * 400 + b"]}", "floats", ("beyond any float",)),
        (b'{"x": tru}', "flag", ("not valid JSON",)),
        (b'{"x": [01]}', "floats", ("not valid JSON at byte 8",)),
        (b'{"x": [1, , 2]}', "floats", ('"," at byte 10',)),
        (b'{"x": [1, 2, ]}', "floats", ("byte 13",)),
        (b'{"x": [1 2]}', "floats", ('"2" at byte 9',)),
        (b'{"x": ["\xff"]}', "counts", ("no UTF-8 text at byte 8",)),
        ('{"x": ["ä", "\n"]}'.encode(), "counts", ("byte 14",)),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(
    content: bytes, method: str, words: tuple[str, ...], document: Callable[[bytes], Document]
) -> None:
    with pytest.raises(UserError) as error:
        getattr(document(content).first, method)("x")
    for word in words:
        assert word in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": 1, "itls": [[0.1, 0.2', ('ends inside the list "itls" (byte 27)', "cut off")),
        (b'{"a": 1, "model": "Qw', ('ends inside the string "model"',)),
        (b'{"a": 1, "it', ("ends inside its object",)),
        (b'{"a": 1', ("ends inside its object",)),
        (b'{"a"', ("ends inside its object (byte 4)",)),
        (b'{"a": ', ("ends inside its object (byte 6)",)),
        (b"[[1, 2], [", ("ends inside its list",)),
        (b'{"a": [1}', ('"}" at byte 8',)),
        (b'{"a" 1}', ('"1" at byte 5',)),
        (b'{"a": 1 "b": 2}', ('byte 8',)),
        (b"{a: 1}", ('"a" at byte 1',)),
        (b'{"a": }', ('"}" at byte 6',)),
        (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", ("nests deeper",)),
        (b"[" * 5000 + b"]" * 5000, ("nests deeper",)),
        (b'{"\\x": 1}', ("not valid JSON",)),
    ],
)  # fmt: skip
def test_broken_json_is_named_with_its_place(
    content: bytes, words: tuple[str, ...], document: Callable[[bytes], Document]
) -> None:
    with pytest.raises(UserError) as error:
        document(content)
    for word in words:
        assert word in str(error.value)


def test_a_slice_is_short_or_one_element(document: Callable[[bytes], Document]) -> None:
    """However the long ones lie among the short ones: memory is a slice's."""
    rows = [[0.5], [0.25] * 60, [0.5], [0.125] * 60, [0.5], [0.5]]
    first = document(json.dumps({"x": rows}).encode()).first
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document_module, "_SLICE", 64)
        node = first.get("x")
        assert node is not None
        lengths = [(stop - start, many) for start, stop, many in node._slices()]
        found = first.ragged("x")
    assert all(length <= 64 or many == 1 for length, many in lengths)
    assert [many for _, many in lengths] == [1, 1, 1, 1, 2]
    assert found is not None and found.counts().tolist() == [1, 60, 1, 60, 1, 1]


def test_a_value_too_long_to_decode(
    document: Callable[[bytes], Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_values, "_LONGEST", 100)
    first = document(b'{"x": "' + b"y" * 200 + b'", "z": ["' + b"y" * 200 + b'"]}').first
    with pytest.raises(UserError, match="202 bytes"):
        first.text("x")
    with pytest.raises(UserError, match="202 bytes"):
        list(first.texts("z"))


def test_deepest_allowed(document: Callable[[bytes], Document]) -> None:
    deepest = b"[" * scan.MAX_DEPTH + b"]" * scan.MAX_DEPTH
    assert document(deepest).first.value() == json.loads(deepest)


def test_an_object_of_endless_members(document: Callable[[bytes], Document]) -> None:
    with pytest.raises(UserError, match="lists more"):
        document(json.dumps(dict.fromkeys(map(str, range(70_000)))).encode())


def test_every_cut_is_noticed(document: Callable[[bytes], Document]) -> None:
    content = json.dumps({"a\u00e9": [1.5, {"b": '\\"'}], "c": [[0.1], []], "d": "x"}).encode()
    for end in range(1, len(content)):
        with pytest.raises(UserError):
            document(content[:end])


@given(
    content=st.binary(min_size=1, max_size=40)
    | st.text('{}[],:"\\ \n1atN', min_size=1).map(str.encode)
)
@ON_ONE_FILE
def test_bytes_of_any_kind(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(content)
    try:
        found = [built(node) for node in Document(Source(path)).values()]
    except UserError:
        return
    text = content.decode().lstrip("\ufeff")
    at = 0
    for value in found:  # What was read is what json reads there.
        at += len(text[at:]) - len(text[at:].lstrip(" \t\r\n"))
        expected, at = json.JSONDecoder().raw_decode(text, at)
        assert same(value, expected)


def test_where_a_value_is(document: Callable[[bytes], Document]) -> None:
    first = document(b'{"runs": [{"a": {"b": 1}}, 2]}').first
    one, two = first.elements("runs")
    node = one.get("a", "b")
    assert node is not None and node.where == "runs[0].a.b" and two.where == "runs[1]"
    lines = list(document(b'{"a": 1}\n\n{"a": [2]}\n').values())
    assert [line.where for line in lines] == ["line 1", "line 3"]
    assert next(lines[1].elements("a")).where == "line 3, a[0]"
