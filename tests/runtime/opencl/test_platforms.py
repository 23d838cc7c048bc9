"""A name means one device, or says in one sentence which there are."""

import os
import subprocess
import sys

import pytest

from truetpot.errors import UserError
from truetpot.runtime.choose import choose_device, present
from truetpot.runtime.opencl import platforms

pytestmark = pytest.mark.opencl

needed = pytest.mark.skipif(not platforms.devices(), reason="no OpenCL here")


def test_both_cpu_runtimes_are_here():
    """With TRUETPOT_NEED_OPENCL, as `make test-opencl` sets it, a missing one fails."""
    found = {device.platform.name.strip() for device in platforms.devices().values()}
    missing = {"Intel(R) OpenCL", "Portable Computing Language"} - found
    if missing and not os.environ.get("TRUETPOT_NEED_OPENCL"):
        pytest.skip(f"not installed: {', '.join(sorted(missing))}")
    assert not missing


@needed
def test_names():
    known = platforms.devices()
    assert set(known) <= set(present())
    for name, device in known.items():
        assert platforms.find(name) == (name, device)
    first = next(name for name in known if name.startswith("opencl:cpu"))
    assert platforms.find("opencl:cpu") == (first, known[first])
    assert choose_device("opencl:cpu").name == first


@needed
def test_part_of_a_name_in_any_case_or_of_its_platforms():
    known = platforms.devices()
    pocl = [n for n, d in known.items() if d.platform.name.startswith("Portable")]
    if not pocl:
        pytest.skip("no PoCL here")
    for part in ("pocl", "PORTABLE computing"):
        assert platforms.find(f"opencl:{part}")[0] == pocl[0]


@needed
@pytest.mark.parametrize("name", ["opencl:gpu:77", "opencl:cpu:77", "opencl:A770X"])
def test_an_absent_device_is_answered_with_what_there_is(name):
    with pytest.raises(UserError, match="there are opencl:") as error:
        choose_device(name)
    assert all(known in str(error.value) for known in platforms.devices())


@pytest.mark.skipif(len(platforms.devices()) < 2, reason="one OpenCL device at most")
def test_an_ambiguous_name_lists_what_it_could_mean():
    with pytest.raises(UserError, match=r"several OpenCL devices: opencl:.*, opencl:.*number"):
        platforms.find("opencl:e")


def in_a_process(code, **variables):
    """What a fresh Python prints: a loader looks for drivers once a process."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


FIND = """
from truetpot.errors import UserError
from truetpot.runtime.choose import choose_device
try:
    print(choose_device("opencl:cpu").identity()["platform"])
except UserError as error:
    print(error)
"""


def test_without_pyopencl_one_sentence_says_what_to_install():
    said = in_a_process(f"import sys; sys.modules['pyopencl'] = None\n{FIND}")
    assert said.startswith("OpenCL needs pyopencl")
    assert "pip install 'truetpot[opencl]'" in said
    assert len(said.splitlines()) == 1


@needed
def test_without_a_driver_one_sentence_says_what_to_install(tmp_path):
    said = in_a_process(FIND, OCL_ICD_VENDORS=str(tmp_path))
    assert said.startswith("No OpenCL driver was found: install intel-opencl-icd")
    assert len(said.splitlines()) == 1


@needed
def test_the_users_own_choice_of_drivers_is_left_alone(tmp_path):
    pocl = platforms._SYSTEM_VENDORS / "pocl.icd"
    if not pocl.exists():
        pytest.skip("no PoCL here")
    (tmp_path / "only.icd").write_bytes(pocl.read_bytes())
    said = in_a_process(FIND, OCL_ICD_VENDORS=str(tmp_path))
    assert said.strip() == "Portable Computing Language"


@needed
def test_the_environment_is_as_it_was():
    assert "truetpot-opencl" not in os.environ.get("OCL_ICD_VENDORS", "")
