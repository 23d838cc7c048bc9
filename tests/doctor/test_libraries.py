"""Drivers where the loaders look for them, on trees that are made."""

import pytest

from truetpot.doctor.finding import Level
from truetpot.doctor.judge_host import judge_software
from truetpot.doctor.machine import look

NAME = "libze_intel_gpu.so.1"


@pytest.fixture
def put(made):
    """The driver in a folder, as packages put it: a file with its version, and a link to it."""
    made.card(1, 0x56A0, made.X16)

    def call(folder, name=NAME, version="6.33578"):
        library = made.root / folder.lstrip("/") / f"{name}.{version}"
        made.write(library, "")
        made.point(library.with_name(name), library)

    return call


def runtime(made, **environment):
    found = judge_software(look(made.root, environment))
    return next(finding for finding in found if finding.about == "compute runtime")


@pytest.mark.parametrize(
    ("folder", "environment"),
    [
        ("/usr/lib/x86_64-linux-gnu", {}),
        ("/usr/lib64", {}),
        ("/opt/neo/lib", {"LD_LIBRARY_PATH": "/somewhere:/opt/neo/lib"}),
        ("/opt/neo/lib", {"ZE_ENABLE_ALT_DRIVERS": f"/opt/neo/lib/{NAME}"}),
        ("/opt/conda/envs/xpu/lib", {"CONDA_PREFIX": "/opt/conda/envs/xpu"}),
        ("/opt/neo/lib", {"ZE_ENABLE_ALT_DRIVERS": NAME, "LD_LIBRARY_PATH": "/opt/neo/lib"}),
        ("/usr/lib64", {"ZE_ENABLE_ALT_DRIVERS": f"libze_intel_npu.so.1,{NAME}"}),
    ],
)
def test_the_driver_is_found_where_the_loader_finds_it(made, put, folder, environment):
    assert runtime(made, **environment).level is Level.BAD
    put(folder)
    found = runtime(made, **environment)
    assert (found.level, found.what) == (Level.OK, "Level Zero driver 1.6.33578")


def test_folders_of_the_dynamic_linker(made, put):
    put("/opt/intel/neo")
    made.write("etc/ld.so.conf.d/intel.conf", "/opt/intel/neo  # a comment")
    assert runtime(made).level is Level.BAD
    for include in ("include /etc/ld.so.conf.d/*.conf", "include\tld.so.conf.d/*.conf"):
        made.write("etc/ld.so.conf", f"# comment\n{include}")
        assert runtime(made).level is Level.OK


def test_a_configuration_that_includes_itself_ends(made, put):
    made.write("etc/ld.so.conf", "include /etc/ld.so.conf\ninclude\n")
    assert runtime(made).level is Level.BAD


def test_the_driver_of_older_graphics_drives_no_card(made, put):
    put("/usr/lib64", name="libze_intel_gpu_legacy1.so.1", version="3.29735")
    assert runtime(made).level is Level.BAD


def test_a_library_without_a_version_is_named_by_its_path(made, put):
    made.write("build/bin/libze_intel_gpu.so", "")
    given = {"ZE_ENABLE_ALT_DRIVERS": "/build/bin/libze_intel_gpu.so"}
    assert "build/bin/libze_intel_gpu.so" in runtime(made, **given).what


def test_other_drivers_only(made, put):
    put("/usr/lib64")
    assert runtime(made).level is Level.OK
    finding = runtime(made, ZE_ENABLE_ALT_DRIVERS="libze_intel_npu.so.1")
    assert finding.level is Level.BAD
    assert "unset ZE_ENABLE_ALT_DRIVERS" in finding.do


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, ("libigdrcl.so",)),
        ({"OCL_ICD_VENDORS": "/opt/vendors"}, ("libpocl.so",)),
        ({"OCL_ICD_VENDORS": "/opt/vendors/pocl.icd"}, ("libpocl.so",)),
        ({"OCL_ICD_FILENAMES": "/x/libintelocl.so"}, ("libintelocl.so", "libigdrcl.so")),
    ],
)
def test_opencl_drivers(made, environment, found):
    made.write("etc/OpenCL/vendors/intel.icd", "/usr/lib/intel-opencl/libigdrcl.so")
    made.write("opt/vendors/pocl.icd", "libpocl.so")
    assert look(made.root, environment).software.opencl == found
