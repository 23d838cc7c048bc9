"""T4 and T1 files are what Kernel Tuner's schemas allow, and what they say comes back."""

import json
import re

import msgspec
import pytest

from tests.real_files import real_file
from truetpot.errors import UserError
from truetpot.ops import SiluMulCase
from truetpot.records.opening import ClockRow, Environment
from truetpot.records.t4 import Invalidity, T4Results
from truetpot.records.tune import Figures, Found, TuneStatus
from truetpot.records.tuned import SearchKey
from truetpot.tune.exchange import t1, t4, write
from truetpot.tune.figures import Tuned
from truetpot.tune.transfer import BEST, load

CASE = SiluMulCase("bf16", 1, 64)
CONFIGS = [{"tile": tile, "fast": fast} for tile in (4, 8, 16) for fast in (False, True)][:-1]
KEY = SearchKey(
    op="silu_mul", provider="mine", case=CASE.label(), device="card", versions={}, source=""
)
DEVICE = {"name": "card", "driver": "1.2"}
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def faults(value, schema, where="$"):
    """What JSON Schema finds wrong, by the words that these schemas use."""
    known = {
        "$schema", "$id", "title", "description", "example", "examples", "type", "enum",
        "properties", "required", "items", "pattern",
    }  # fmt: skip
    assert schema.keys() <= known, f"the test knows no {schema.keys() - known}"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    wrong_bool = isinstance(value, bool) and "boolean" not in types
    if types and (wrong_bool or not any(isinstance(value, TYPES[name]) for name in types)):
        return [f"{where} is no {types}"]
    if value not in schema.get("enum", [value]):
        return [f"{where} is {value}"]
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return [f"{where} is {value}"]
    found = []
    if isinstance(value, dict):
        missing = [name for name in schema.get("required", ()) if name not in value]
        found += [f"{where} has no {name}" for name in missing]
        for name, one in schema.get("properties", {}).items():
            if name in value:
                found += faults(value[name], one, f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for i, one in enumerate(value):
            found += faults(one, schema["items"], f"{where}[{i}]")
    return found


def schema(name):
    return json.loads(real_file(f"{name}-schema.json").read_text())


@pytest.fixture
def searched():
    default = Figures(config=CONFIGS[0], median_s=2e-6, gain=1.0, gain_ci=(1.0, 1.0))
    looks = [
        Figures(config=CONFIGS[1], median_s=1e-6, gain=2.0, gain_ci=(1.9, 2.1)),
        Figures(config=CONFIGS[2], reason="does not compile for card: no register"),
        Figures(config=CONFIGS[3], reason="error 1 is above the tolerance 0.01"),
        Figures(config=CONFIGS[4], reason="a process before this one was in it: it took too long"),
    ]
    found = Found(default=default, best=looks[0], when="2026-01-01T00:00:00Z")
    return Tuned(
        "silu_mul", CASE, (), "mine", TuneStatus.TUNED, found=found, looks=looks, configs=CONFIGS
    )


@pytest.fixture
def environment():
    return Environment(
        truetpot="1", commit=None, python="3", os="Linux", packages={"torch": "2"}, variables={},
        device={"name": "card"}, clock=ClockRow(source="", empty_pair_s=1e-9), state={},
    )  # fmt: skip


def test_files_are_valid_by_kernel_tuners_schemas(searched, environment, tmp_path):
    results, problem = write(tmp_path / "new", [searched], environment, DEVICE)
    found = json.loads(results.read_text())
    assert faults(found, schema("results")) == []
    assert faults(found, schema("metadata")) == []
    assert faults(json.loads(problem.read_text()), schema("input")) == []
    assert problem.name == results.name.replace("T4", "T1")


def test_the_schemas_refuse_what_they_should():
    assert faults({"results": [{"configuration": {}}]}, schema("results")) == [
        "$.results[0] has no times",
        "$.results[0] has no invalidity",
        "$.results[0] has no correctness",
    ]
    assert faults({"schema_version": "one"}, schema("results"))
    assert faults({"ConfigurationSpace": {"TuningParameters": []}}, schema("input"))


def test_what_each_configuration_came_to(searched, environment):
    written = t4(searched, environment, DEVICE)
    assert [one.configuration for one in written.results] == CONFIGS
    kinds = [one.invalidity for one in written.results]
    assert kinds == [
        Invalidity.CORRECT,
        Invalidity.CORRECT,
        Invalidity.COMPILE,
        Invalidity.CORRECTNESS,
        Invalidity.TIMEOUT,
    ]
    assert [one.time for one in written.results] == [2e-3, 1e-3, None, None, None]
    assert [one.correctness for one in written.results] == [1, 1, 1, 0, 1]


def test_the_problem_has_the_legal_configurations_and_no_others(searched):
    space = t1(searched, DEVICE, "out.json")["ConfigurationSpace"]
    values = {one["Name"]: eval(one["Values"]) for one in space["TuningParameters"]}
    assert values == {"tile": [4, 8, 16], "fast": [False, True]}
    assert [one["Type"] for one in space["TuningParameters"]] == ["int", "bool"]
    (condition,) = space["Conditions"]
    legal = [
        {"tile": tile, "fast": fast}
        for tile in values["tile"]
        for fast in values["fast"]
        if eval(condition["Expression"], {"tile": tile, "fast": fast})
    ]
    assert legal == CONFIGS
    searched.configs = CONFIGS[:4]
    assert t1(searched, DEVICE, "")["ConfigurationSpace"]["Conditions"] == []


def test_a_t4_file_begins_another_search(searched, environment, tmp_path):
    results, _ = write(tmp_path, [searched], environment, DEVICE)
    transfer = load(results)
    assert transfer.best("silu_mul", "mine", KEY) == [CONFIGS[1], CONFIGS[0]]
    assert transfer.best("silu_mul", "other", KEY) == []


def test_the_best_twenty_of_kernel_tuners_own_file(tmp_path):
    """One that names no kernel of ours fits any; failures are passed over."""
    results = [
        {
            "configuration": {"tile": i}, "times": {"runtimes": []}, "correctness": 1,
            "invalidity": "runtime" if i == 3 else "correct", "objectives": ["time"],
            "measurements": [{"name": "time", "value": float(i + 1), "unit": ""}],
        }
        for i in range(40)
    ]  # fmt: skip
    file = tmp_path / "theirs.json"
    file.write_text(json.dumps({"results": results, "schema_version": "1.0.0"}))
    found = load(file).best("linear", "triton", KEY)
    assert found == [{"tile": i} for i in range(BEST + 1) if i != 3]


def test_a_devices_tuned_file(tmp_path):
    file = tmp_path / "card.toml"
    file.write_text(
        '[silu_mul.mine."dtype=fp16 m=8 n=64"]\nconfig = { tile = 16 }\ngain = 3.0\n'
        f'[silu_mul.mine."{CASE.label()}"]\nconfig = {{ tile = 8 }}\ngain = 1.5\n'
        '[linear.mine."x"]\nconfig = { tile = 2 }\n'
    )
    assert load(file).best("silu_mul", "mine", KEY) == [{"tile": 8}, {"tile": 16}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", "[]"),
        ("a.json", "{}"),
        ("a.json", "{"),
        ("a.json", '{"kind": "tune"}'),
        ("a.json", '{"results": [{"configuration": 3}]}'),
        ("a.json", "[" * 100_000),
        ("a.json", ""),
        ("a.toml", ""),
        ("a.toml", "= ="),
        ("a.toml", "[tool]\nname = 1\n"),
    ],
)
def test_another_file_is_refused(tmp_path, name, text):
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(UserError, match=name):
        load(file)


def test_files_are_read_back_by_their_types(searched, environment, tmp_path):
    results, _ = write(tmp_path, [searched], environment, DEVICE)
    read = msgspec.json.decode(results.read_bytes(), type=T4Results)
    assert read == t4(searched, environment, DEVICE)
