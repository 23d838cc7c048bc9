"""The machine, its kernels, its tests, and collectives of one rank."""

import pytest

from truetpot.errors import UserError
from truetpot.facts.models import load_model
from truetpot.records.words import KernelStatus
from truetpot.runs import collectives, doctor, providers, validate
from truetpot.runs.ranks import check_same, of_ranks
from truetpot.runs.setting import find_setting
from truetpot.runtime.group import ALONE


def test_a_setting_of_nothing_given():
    setting = find_setting("cpu")
    assert setting.providers[:2] == ("numba", "torch")
    assert (setting.dtype, setting.kv_format) == ("bf16", "bf16")
    with pytest.raises(UserError, match="--dtype 'fp7' is not known"):
        find_setting("cpu", dtype="fp7")


def test_doctor_looks_only():
    record = doctor.run(look_only=True)
    assert record.device is None and record.check is None and not record.providers
    assert record.findings


def test_doctor_measures(monkeypatch):
    monkeypatch.setattr("truetpot.runs.checks.wrong_kernels", lambda *given: ["planted"])
    heard = []

    class Heard(doctor.DoctorWatch):
        def looked(self, machine):
            heard.append("looked")

        def asked(self, device, kernels):
            heard.append((device, len(kernels) > 10))

        def checked(self, quick):
            heard.append(quick.read_gb_s > 0)

    record = doctor.run("cpu", 0.2, watch=Heard())
    assert heard[:2] == ["looked", ("cpu", True)]
    assert any("planted" in finding.what for finding in record.findings)


def test_providers():
    record = providers.run("cpu")
    found = {(row.op, row.provider): row for row in record.kernels}
    assert found["linear", "torch"].available
    assert record.device == "cpu" and "cpu" in [one["device"] for one in record.devices]


def test_collectives_of_one_rank(model, setting):
    request = collectives.Request(
        ("all_reduce",), load_model(model), 1, setting, small=True, seconds=0.02, samples=False
    )
    ended = collectives.run(request)
    assert ended.valid and ended.cause is None
    assert {row.status for row in ended.record.results} == {KernelStatus.OK}


def test_one_rank_has_nobody_to_differ_from():
    check_same(ALONE, {"model": "tiny"})
    assert of_ranks(["a sentence"], ALONE) == ["a sentence"]


def test_validate_one_test_of_a_cpu():
    told, kept = [], []

    class Heard(validate.ValidateWatch):
        def tested(self, row):
            told.append(row.name)

    request = validate.Request(device="cpu", only=("bandwidth",), seconds=0.2, small=True)
    ended = validate.run(request, kept.append, watch=Heard())
    assert told == ["bandwidth"] and not ended.interrupted
    assert [row.name for row in ended.record.tests] == ["bandwidth"]
    assert kept[-1].tests == ended.record.tests
    with pytest.raises(UserError, match="Level quick has none of"):
        validate.run(validate.Request(device="cpu", only=("sustained",)))
