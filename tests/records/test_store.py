"""A record is read by its type: what is none is one sentence that says where."""

import json
import math
from typing import Any

import numpy as np
import pytest

from tests.records.kept import KEPT, load
from truetpot.errors import UserError
from truetpot.records.decode import DecodeRecord
from truetpot.records.dispatch import DispatchRecord
from truetpot.records.isa import IsaRecord
from truetpot.records.opening import Part
from truetpot.records.store import as_line, as_text, read_record, write_record

WHAT = "a record of truetpot decode --json"
DEEP = "[" * 100_000 + "]" * 100_000


def changed(path, value):
    """The kept decode record with one value replaced, as text; ``value`` is JSON."""
    record = load("decode")
    *above, name = path.split(".")
    place = record
    for step in above:
        place = place[int(step)] if step.isdigit() else place[step]
    place[int(name) if name.isdigit() else name] = "HERE"
    return json.dumps(record).replace('"HERE"', value)


@pytest.fixture
def refused(tmp_path):
    """The one sentence that a text is refused with."""

    def call(text, kind=DecodeRecord):
        file = tmp_path / "ladder.json"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(UserError) as error:
            read_record(file, kind, WHAT)
        sentence = str(error.value)
        assert "\n" not in sentence and len(sentence) < 400
        assert sentence.startswith(str(file))
        assert sentence.endswith(".")
        assert WHAT in sentence
        return sentence

    return call


LONG = "1" + "0" * 400
TIMES = ("rungs.step.ms_per_token", "operators.0.median_s", "ceiling.gb_s")


@pytest.mark.parametrize("value", ["1e999", LONG, "0", "-1", "1e-320", '"7"', "true", "{}"])
@pytest.mark.parametrize("place", TIMES)
def test_a_time_is_finite_and_above_zero(refused, place, value):
    assert place.replace(".0.", "[0].") in refused(changed(place, value))


@pytest.mark.parametrize("value", ["0", "-1", "1e3", "2.5", LONG, LONG * 20, '"1"'])
@pytest.mark.parametrize("place", ["batch", "tp", "layers_total", "operators.0.count"])
def test_a_count_is_a_whole_number_above_zero(refused, place, value):
    assert place.replace(".0.", "[0].") in refused(changed(place, value))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("environment.device", "3"),
        ("environment.device", "{}"),
        ("environment.device.name", "null"),
        ("environment", "[]"),
        ("rungs", "[]"),
        ("rungs.step", "7"),
        ("context", "-1"),
        ("context", "null"),
        ("operators", "{}"),
        ("step_timing.stop", '"tired"'),
        ("step_timing.samples_s", '[1, "2"]'),
        ("ceiling.swept_gb_s", '{"a": 0}'),
    ],
)
def test_what_is_wrong_is_named_with_its_place(refused, place, value):
    sentence = refused(changed(place, value))
    assert place.split(".")[0] in sentence
    assert "is not as it should be" in sentence


@pytest.mark.parametrize("place", ["ceiling.config", "environment.state", "warnings", "model"])
def test_deep_nesting_is_no_crash(refused, place):
    refused(changed(place, '{"a":' * 100_000 + "1" + "}" * 100_000))
    refused(changed(place, DEEP))


def test_deep_nesting_where_nothing_is_known(refused):
    text = json.dumps(load("decode"))
    assert "nested too deeply" in refused(text[:-1] + f', "more": {DEEP}}}')


@pytest.mark.parametrize("text", ["", "{", "nonsense", '{"a": NaN}', '{"a": 1', DEEP[:50_000]])
def test_what_is_not_json(refused, text):
    refused(text)


@pytest.mark.parametrize("text", [b'{"a": "\xff"}', b'{"a": "\0"}', b"GGUF" + bytes(64)])
def test_what_is_no_text(refused, text):
    refused(text)


def test_a_record_of_another_kind(refused):
    assert "kind" in refused(json.dumps(load("kernels")))
    assert "kind" in refused(json.dumps(load("decode")), IsaRecord)


def test_a_missing_field_is_named(refused):
    record = load("decode")
    del record["tp"]
    assert "tp" in refused(json.dumps(record))


def test_another_version_of_the_schema_is_said_to_be_one(refused):
    assert "schema_version 2" in refused(changed("schema_version", "2"))
    refused(changed("schema_version", "[]"))


def test_what_a_newer_truetpot_adds_is_passed_over(tmp_path):
    file = tmp_path / "new.json"
    new = load("decode") | {"later": {"a": 1}}
    new["environment"] |= {"later": 1}
    new["environment"]["device"] |= {"later": 1}
    file.write_text(json.dumps(new), encoding="utf-8-sig")
    read = read_record(file, DecodeRecord, WHAT)
    assert read == read_record(KEPT / "decode.json", DecodeRecord, WHAT)


def test_a_file_that_is_not_there_and_a_folder(tmp_path):
    for path in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(UserError, match="give a record of truetpot decode"):
            read_record(path, DecodeRecord, WHAT)


class Fault(str):
    """Text of another type, as the reason is why a kernel did not answer."""

    __slots__ = ()


class Sample(Part, frozen=True, kw_only=True):
    value: float | None
    config: dict[str, Any]


def test_what_json_has_not_is_null_and_what_no_file_keeps_is_text():
    config = {
        "inf": math.inf, "nested": [math.nan, (1, -math.inf)], "numpy": np.float64(0.5),
        "int": np.int64(3), "dtype": np.dtype("int8"), 7: True, "bad": np.float64("nan"),
        "fault": Fault("no"), "text": np.str_("a"),
    }  # fmt: skip
    record = Sample(value=math.nan, config=config)
    want = {
        "value": None,
        "config": {
            "inf": None, "nested": [None, [1, None]], "numpy": 0.5, "int": 3, "dtype": "int8",
            "7": True, "bad": None, "fault": "no", "text": "a",
        },
    }  # fmt: skip
    assert json.loads(as_text(record)) == json.loads(as_line(record)) == want
    assert "\n" not in as_line(Sample(value=1.0, config={"a": "\u2028\n\x85"}))


def test_a_record_is_written_as_it_always_was(tmp_path, capsys):
    file = tmp_path / "dispatch.json"
    record = read_record(KEPT / "dispatch.json", DispatchRecord, "a record")
    write_record(record, file)
    assert file.read_text() == (KEPT / "dispatch.json").read_text()
    write_record(record, "-")
    assert capsys.readouterr().out == file.read_text()


def test_a_record_that_cannot_be_written_names_the_option(tmp_path):
    record = read_record(KEPT / "dispatch.json", DispatchRecord, "a record")
    with pytest.raises(UserError, match="--json"):
        write_record(record, tmp_path / "absent" / "x.json")
