"""Whose machine code is read: an open licence is printed, closed libraries are refused."""

import pytest

from tests.isa.images.made import wheel
from truetpot.errors import UserError
from truetpot.isa.images.package import open_package, rules


def read(path):
    package, libraries = open_package(path)
    return package, dict(libraries)


@pytest.mark.parametrize(
    ("line", "licence"),
    [
        ("License-Expression: Apache-2.0", "Apache-2.0"),
        ("License: MIT", "MIT"),
        ("Classifier: License :: OSI Approved :: BSD License", "BSD License"),
        ("License-Expression: MIT AND BSD-3-Clause", "MIT AND BSD-3-Clause"),
    ],
)
def test_an_open_wheel(tmp_path, line, licence):
    path = wheel(tmp_path / "a.whl", line, {"lib.so": b"1", "lib.so.2": b"2", "a.py": b"3"})
    package, libraries = read(path)
    assert package.licence == licence
    assert libraries == {"lib.so": b"1", "lib.so.2": b"2"}


@pytest.mark.parametrize(
    "line", [None, "License: Intel Simplified Software License", "License: Proprietary"]
)
def test_a_wheel_without_an_open_licence(tmp_path, line):
    path = wheel(tmp_path / "a.whl", line, {"lib.so": b"1"})
    with pytest.raises(UserError, match="no open licence") as caught:
        open_package(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_closed_library_in_an_open_wheel(tmp_path):
    names = {"libmkl_sycl_blas-32b18de9.so.5": b"1", "libggml-sycl.so": b"2"}
    package, libraries = read(wheel(tmp_path / "a.whl", "License: MIT", names))
    assert list(libraries) == ["libggml-sycl.so"]
    assert "oneMKL" in package.refused["libmkl_sycl_blas-32b18de9.so.5"]


def test_a_closed_library(tmp_path):
    path = tmp_path / "libmkl_sycl_blas.so.5"
    path.write_bytes(b"\x7fELF")
    with pytest.raises(UserError, match=r"oneMKL .* is not disassembled"):
        open_package(path)


def test_a_library_alone_says_that_no_licence_was_found(tmp_path):
    path = tmp_path / "libmine.so"
    path.write_bytes(b"\x7fELF")
    assert "not found" in read(path)[0].licence


def test_a_zip_that_is_none(tmp_path):
    path = tmp_path / "a.whl"
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(UserError, match="no wheel"):
        open_package(path)


def test_the_list_of_open_wheels():
    for name, entry in rules().wheels.items():
        assert "==" in name
        assert entry["licence"] in rules().open
        assert entry["source"] and entry["carries"]
