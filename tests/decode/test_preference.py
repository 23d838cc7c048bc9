"""Which provider serves a case, and what is said where none does."""

import pytest

from truetpot.decode.preference import Preference
from truetpot.errors import UserError
from truetpot.isa.launch import Offline
from truetpot.ops import LINEAR, LinearCase
from truetpot.runtime.choose import choose_device
from truetpot.runtime.opencl.target import known_targets


def said(device, m, *providers):
    case = LinearCase("fp16", m, 128, 256, "sym_int4")
    with pytest.raises(UserError) as error:
        Preference(providers, device).required(LINEAR, case)
    return str(error.value)


def test_others_that_run_it_here_are_named():
    text = said(choose_device("cpu"), 1, "triton")
    assert "runs on cuda, xpu, not on cpu" in text
    assert "numba" in text.split("--provider: ")[1]


def test_nobody_is_named_where_nobody_runs_it():
    """OpenCL takes 64 rows, and torch's kernels do not run on its devices."""
    text = said(Offline(known_targets()["acm-g10"]), 65, "opencl")
    assert "up to 64 rows, not 65" in text and "No other provider runs it here" in text
    assert "torch" not in text
