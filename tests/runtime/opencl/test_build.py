"""Sources, options and targets are plain data: none of this needs OpenCL."""

import pytest

from truetpot.errors import UserError
from truetpot.runtime.opencl.build import Build, expand, options
from truetpot.runtime.opencl.target import known_targets, target_of_ip


def test_options():
    build = Build("a.cl", "f", {"N": 3, "SCALE": 0.5, "T": "half"}, subgroup=16)
    assert options(build)[-4:] == ("-DN=3", "-DSCALE=0.5f", "-DT=half", "-DSUBGROUP=16")
    assert "-DSUBGROUP=0" not in options(Build("a.cl", "f"))


def test_includes_are_put_in_once_with_the_lines_they_come_from(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "b.clh").write_text('#include "c.clh"\nint b;\n')
    (shared / "c.clh").write_text("int c;\n")
    (tmp_path / "a.cl").write_text('// a\n#include "b.clh"\n#include "c.clh"\nint a;\n')
    text = expand(tmp_path / "a.cl", [shared])
    assert [line for line in text.splitlines() if line.startswith("int")] == [
        "int c;",
        "int b;",
        "int a;",
    ]
    lines = text.splitlines()
    assert lines[lines.index("int a;") - 1] == '#line 4 "a.cl"'
    assert lines[lines.index("int b;") - 1] == '#line 2 "b.clh"'
    assert lines[0] == '#line 1 "a.cl"'


def test_a_header_beside_the_source_comes_before_a_shared_one(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "h.clh").write_text("shared\n")
    (tmp_path / "h.clh").write_text("own\n")
    (tmp_path / "a.cl").write_text('#include "h.clh"\n')
    assert "own" in expand(tmp_path / "a.cl", [tmp_path / "shared"])


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.cl cannot be read"):
        expand(tmp_path / "nothing.cl", [])
    (tmp_path / "a.cl").write_text('#include "lost.clh"\n')
    with pytest.raises(UserError, match=r"a\.cl includes lost\.clh"):
        expand(tmp_path / "a.cl", [])


def test_known_targets():
    dg2, xe2 = known_targets()["acm-g10"], known_targets()["bmg-g21"]
    assert (dg2.subgroups, dg2.dpas, dg2.block_io_2d) == ((8, 16, 32), 8, False)
    assert (xe2.subgroups, xe2.dpas, xe2.block_io_2d) == ((16, 32), 16, True)
    assert all(target.dpas in (0, min(target.subgroups)) for target in known_targets().values())


def test_a_card_is_recognised_by_its_ip_version():
    assert target_of_ip(0x030DC008) == "acm-g10"  # DG2 G10 C0, 12.55.8
    assert target_of_ip(20 << 22 | 1 << 14 | 4) == "bmg-g21"  # 20.1.4
    assert target_of_ip(20 << 22 | 77 << 14) is None
