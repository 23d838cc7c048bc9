"""``truetpot dispatch``: tables in, one function out."""

import subprocess
import sys

import pytest

from truetpot.facts import ipex_llm


def test_the_card_of_the_issue(cli):
    done = cli("dispatch", "--device", "arc-a770", "--batch", 1, "--n", 55296, "--k", 5120)
    assert done.code == 0
    assert done.out.startswith("xe_linear.forward_new  (arc-a770 is 'arc' to ipex-llm)\n")
    assert "because on arc one row of sym_int4 is not for batch_forward" in done.out
    assert "mlp_forward_xpu" in done.out


@pytest.mark.parametrize(("value", "inside"), [("1", "new"), ("0", "common"), (None, "common")])
def test_the_vendors_variable_counts(cli, monkeypatch, value, inside):
    monkeypatch.delenv(ipex_llm.FORCE, raising=False)
    if value is not None:
        monkeypatch.setenv(ipex_llm.FORCE, value)
    record = cli("dispatch", "--device", "arc-b580", "--json").record
    assert record["function"] == "xe_batch.batch_forward"
    assert record["inside"] == f"batch_forward_{inside}"
    assert record["forced"] == (value == "1")
    assert record["qtype"] == 2


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [("--device", "h200", "Intel GPUs only"), ("--format", "bf16", "no low-bit format")],
)
def test_what_ipex_llm_does_not_have_is_a_sentence(cli, option, value, sentence):
    done = cli("dispatch", option, value)
    assert done.code == 2
    assert sentence in done.sentence


def test_it_needs_tables_only():
    code = "import sys; from truetpot.cli import main\ntry: main(['dispatch'])\nexcept SystemExit: "
    code += "print({'torch', 'numpy', 'ipex_llm'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.endswith("set()\n")
