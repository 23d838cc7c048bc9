"""A real wheel of open source: its images are found, named and, as far as ocloc can, counted."""

import zipfile

import pytest

from tools.vendor_wheels import WHEELS, find
from truetpot.isa.images.containers import images
from truetpot.isa.images.package import open_package, rules
from truetpot.isa.images.survey import Wish, survey_package
from truetpot.isa.images.target import kernels_of, target_of

pytestmark = pytest.mark.vendors
LIBRARY = "vllm_xpu_kernels/libmqa_logits_kernels_xe_2.so"


WHEEL = "vllm-xpu-kernels==0.1.16.2"


@pytest.fixture
def wheel(vendor_wheel):
    vendor_wheel(WHEEL).close()  # skipped where it is not there
    return find(WHEEL)


def test_ci_reads_wheels_of_the_list_alone():
    names = {name for name, entry in rules().wheels.items() if entry.get("ci")}
    assert names and names <= set(WHEELS)


def test_its_licence_is_the_one_of_the_list(wheel):
    package, _ = open_package(wheel)
    assert package.licence == rules().wheels[WHEEL]["licence"]


def test_its_kernels_are_found_and_named(wheel):
    with zipfile.ZipFile(wheel) as archive:
        found = [(target_of(one), kernels_of(one)) for one in images(archive.read(LIBRARY))]
    assert len(found) == 8
    by_target = {}
    for target, names in found:
        by_target.setdefault(target, set()).update(names)
    assert set(by_target) == {"pvc", "bmg-g21", None}  # None: Xe2 of another chip
    for names in by_target.values():
        assert "_ZTS29fp8_paged_mqa_logits_kernel_t" in names
        assert len(names) == 10


def test_a_kernel_of_it_is_counted(wheel, ocloc, tmp_path):
    """For Xe-HPC, which the oldest ocloc that is supported disassembles."""
    path = tmp_path / "libmqa.so"
    with zipfile.ZipFile(wheel) as archive:
        path.write_bytes(archive.read(LIBRARY))
    wish = Wish(("fp8_mqa_logits",), ("pvc",))
    done = survey_package(path, wish, ocloc, None, lambda done, total: None)
    (row,) = done.kernels
    assert (row.name, row.target) == ("fp8_mqa_logits_kernel_t", "pvc")
    assert row.has_dpas and row.grf == 256 and row.hot.dpas > 0
    assert row.streamed_bytes > 0
