"""What fleet reads, how it tells machines apart, and what it writes."""

import csv
import io
import json

import pytest

from tests.fleet.made import KIND, Fleet, doctor, name_of
from truetpot.errors import UserError
from truetpot.fleet.read import read_records
from truetpot.fleet.summary import fleet_record, is_bad
from truetpot.fleet.table import as_csv
from truetpot.records.validate import Health
from truetpot.report.fleet import draw_fleet
from truetpot.report.terminal import Terminal


def written(folder, **records):
    for name, record in records.items():
        (folder / f"{name}.json").write_text(json.dumps(record))
    return folder


def summed(folder):
    record, _ = fleet_record(read_records([folder]), "")
    return record


def test_other_files_are_left_out_with_a_reason(tmp_path):
    written(tmp_path, other={"schema_version": 1, "kind": "decode"}, none={"a": 1})
    (tmp_path / "cut.json").write_text('{"kind": "validate", "ho')
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "notes.txt").write_text("not looked at")
    (tmp_path / "sub").mkdir()
    written(tmp_path / "sub", mine=doctor(1))
    record = summed(tmp_path)
    left = {one.file.rpartition("/")[2]: one for one in record.left_out}
    assert left.keys() == {"other.json", "none.json", "cut.json", "deep.json"}
    assert left["other.json"].record == "decode"
    assert left["cut.json"].record is None and "cut.json" in left["cut.json"].why
    assert [machine.machine for machine in record.machines] == [name_of(1)]


def test_nothing_to_read(tmp_path):
    with pytest.raises(UserError, match="no record of validate or doctor"):
        read_records([tmp_path])
    written(tmp_path, other={"schema_version": 1, "kind": "decode"})
    with pytest.raises(UserError, match=r"record of decode"):
        read_records([tmp_path])
    with pytest.raises(UserError, match="is not there"):
        read_records([tmp_path / "gone"])


def test_cloned_images_are_told_apart_and_told_of(tmp_path):
    one, two = doctor(1), doctor(2)
    two["machine_id"] = one["machine_id"]
    three = doctor(1, machine_id="f" * 16)
    record = summed(written(tmp_path, one=one, two=two, three=three))
    names = {machine.machine for machine in record.machines}
    assert names == {"node0001 (00000000)", "node0001 (ffffffff)", "node0002"}
    assert "cloned images" in record.notes[0]


def test_the_newest_record_of_each_command_counts(tmp_path):
    old = doctor(1, verdict="bad", started="2026-01-01T00:00:00Z")
    new = doctor(1, started="2026-02-01T00:00:00Z")
    (machine,) = summed(written(tmp_path, b_old=old, a_new=new)).machines
    assert (machine.verdict, machine.records) == ("pass", 2)
    (_, validated), = Fleet(machines=1, failed=frozenset({0})).records()  # fmt: skip
    validated |= {"host": name_of(1), "machine_id": f"{1:016x}"}
    (machine,) = summed(written(tmp_path, validate=validated)).machines
    assert (machine.verdict, machine.records) == ("fail", 3)


@pytest.mark.parametrize("verdict", Health)
def test_every_verdict_has_its_place(tmp_path, verdict, capsys):
    ((_, record),) = Fleet(machines=1).records()
    record = summed(written(tmp_path, one=record | {"verdict": str(verdict)}))
    assert [machine.verdict for machine in record.machines] == [verdict]
    assert is_bad(record) == (verdict is Health.FAIL)
    Terminal().show(draw_fleet(record, every=True))
    assert f"1 {verdict}" in capsys.readouterr().out


def test_settings_that_differ_and_packages_that_are_missing(tmp_path):
    records = {f"m{n}": doctor(n) for n in range(4)}
    records["m2"]["cards"][0]["driver"] = "i915"
    records["m3"]["host"]["kernel"] = "6.17.0"
    records["m1"]["software"]["python"] = {"torch": "2.9.0+xpu"}
    for n in (0, 2, 3):
        records[f"m{n}"]["software"]["python"] = {}
    by = {one.what: one for one in summed(written(tmp_path, **records)).differences}
    assert by.keys() == {"kernel driver", "kernel", "torch"}
    assert (by["kernel driver"].usual, by["kernel driver"].others[0].value) == ("xe", "i915")
    assert by["kernel driver"].others[0].machines == [name_of(2)]
    assert (by["kernel"].usual, by["kernel"].count) == ("6.14.0", 3)
    assert (by["torch"].usual, by["torch"].others[0].machines) == ("none", [name_of(1)])


def test_cards_of_one_machine_that_differ(tmp_path):
    records = {f"m{n}": doctor(n) for n in range(3)}
    for record in records.values():
        (card,) = record["cards"]
        record["cards"] = [card, {**card, "address": "0000:42:00.0"}]
    records["m1"]["cards"][0] = {**records["m1"]["cards"][0], "driver": "i915"}
    (driver,) = summed(written(tmp_path, **records)).differences
    assert (driver.usual, driver.others[0].value) == ("xe", "1 x i915, 1 x xe")


def test_a_card_that_is_gone_is_a_difference(tmp_path):
    records = dict(Fleet(machines=4, cards=2).records())
    gone = next(records[name] for name in records if name.startswith(name_of(2)))
    del gone["devices"][1]
    for name, record in records.items():
        (tmp_path / name).write_text(json.dumps(record))
    (cards,) = summed(tmp_path).differences
    assert (cards.what, cards.usual, cards.count) == ("cards tested", f"2 x {KIND}", 3)
    (other,) = cards.others
    assert (other.value, other.machines) == (f"1 x {KIND}", [name_of(2)])


def test_a_bandwidth_of_doctor_is_a_figure(tmp_path):
    records = {}
    for n in range(12):
        check = {
            "device": "xpu:0", "read_gb_s": 500 - n / 10 if n != 5 else 300.0, "reader": "triton",
            "spread": 0.01, "samples": 90, "datasheet_gb_s": 560, "empty_pair_s": 1e-5,
            "impossible": None, "misread": None,
        }  # fmt: skip
        identity = {"kind": "xpu", "name": "Intel(R) Arc(TM) A770 Graphics"}
        device = {"name": "xpu:0", "identity": identity, "state": {}}
        records[f"m{n}"] = doctor(n, check=check, device=device)
    (outlier,) = summed(written(tmp_path, **records)).outliers
    assert (outlier.machine, outlier.level, outlier.value) == (name_of(5), "doctor", 300)


def test_figures_that_are_right_or_wrong_have_no_median(tmp_path):
    for name, record in Fleet(machines=6, cards=1).records():
        exact = {"against": "exact", "expected": 0.0, "limit": 0.0, "verdict": "pass", "source": ""}
        for test in record["tests"]:
            test["figures"] = [{**f, "value": 0.0, "judged": [exact]} for f in test["figures"]]
        (tmp_path / name).write_text(json.dumps(record))
    record = summed(tmp_path)
    assert record.figures == [] and not is_bad(record)


def test_the_table_has_every_value_and_obeys_no_name(tmp_path):
    for name, record in Fleet(machines=5, cards=2).records():
        if name.startswith(name_of(3)):
            record["host"] = "=HYPERLINK(1)\n,x"
        (tmp_path / name).write_text(json.dumps(record))
    written(tmp_path, alone=doctor(9))
    record, values = fleet_record(read_records([tmp_path]), "")
    rows = list(csv.DictReader(io.StringIO(as_csv(record, values))))
    assert len(rows) == len(values) + 1 == 5 * 2 * 5 + 1
    assert rows[-1]["machine"] == name_of(9) and not rows[-1]["figure"]
    assert {row["machine"] for row in rows if "HYPERLINK" in row["machine"]} == {
        "'=HYPERLINK(1)\\n,x"
    }
    assert float(rows[0]["value"]) == values[0].value
