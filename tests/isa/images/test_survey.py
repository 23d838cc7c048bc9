"""Kernels of an image are counted as the same source compiled by `truetpot isa` is."""

import json
import shlex
import stat
from types import SimpleNamespace

import pytest

from tests.isa.images.made import archive, host_library, module, wheel
from tests.isa.images.source import SOURCE
from tests.records.kept import exact
from truetpot.cli import main
from truetpot.errors import UserError
from truetpot.isa.assembly import parse
from truetpot.isa.images.survey import Wish, survey_package
from truetpot.isa.ocloc import STANDARD, Ocloc
from truetpot.isa.zeinfo import read_info
from truetpot.records.images import ImagesRecord

pytestmark = pytest.mark.isa
LONG = "k" * 230


@pytest.fixture
def library(image, tmp_path):
    """Two kernels in fat archives, one with a name that no file can have; and SPIR-V."""
    archives = b"".join(archive({"64.dg2": image(name)[0]}) for name in ("sums", LONG))
    path = tmp_path / "libkernels.so"
    path.write_bytes(host_library("OFFLOAD_DEVICE_CODE", archives + image("ir")[1]))
    return path


def surveyed(path, ocloc, words=(), targets=()):
    return survey_package(path, Wish(words, targets), ocloc, None, lambda done, total: None)


def test_the_table_has_what_the_listing_has(library, ocloc):
    done = surveyed(library, ocloc, ("sums",))
    (row,) = done.kernels
    listing = ocloc.compile(SOURCE.replace("NAME", "sums"), "sums", STANDARD, "acm-g10")
    info, code = read_info(listing.info, "sums"), parse(listing.assembly)
    assert (row.simd, row.grf, row.spill_bytes) == (info.simd, info.grf, info.spill_bytes)
    assert row.opcodes["send"] == sum(one.op.startswith("send") for one in loop(code))
    assert (row.op, row.name, row.variant, row.target) == (
        "image", "sums", "libkernels.so", "acm-g10",
    )  # fmt: skip
    assert row.where == "inner loop"
    assert row.weight_load_bytes and row.issue_over_memory
    assert not row.has_dpas and not row.faults


def loop(code):
    (inner,) = code.inner_loops()
    return [code.instructions[i] for i in inner]


def test_every_kernel_is_named_and_counted_once(library, ocloc):
    done = surveyed(library, ocloc)
    assert [row.name for row in done.kernels] == ["sums", LONG]
    assert done.failed == []
    assert done.names == 3
    assert "--target" in done.left_out["libkernels.so"]


def test_spirv_is_compiled_for_the_target_that_is_named(library, ocloc):
    done = surveyed(library, ocloc, ("ir",), ("acm-g10",))
    assert {row.name for row in done.kernels} >= {"ir"}
    assert not done.failed


def test_a_compiler_that_aborts_is_one_sentence(image, ocloc, tmp_path):
    script = tmp_path / "ocloc"
    real = shlex.join(ocloc.command)
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *spirv_input*) kill -ABRT $$;; esac\nexec {real} "$@"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    path = tmp_path / "lib.so"
    path.write_bytes(host_library("OFFLOAD_DEVICE_CODE", module(["first", "second"])))
    done = surveyed(path, Ocloc([str(script)]), (), ("acm-g10",))
    assert done.kernels == []
    assert [one.name for one in done.failed] == ["first", "second"]
    assert {one.reason for one in done.failed} == {
        f"ocloc {ocloc.version} ends with signal 6 on its SPIR-V"
    }


def test_spirv_that_does_not_compile_fails_by_name(ocloc, tmp_path):
    path = tmp_path / "lib.so"
    path.write_bytes(host_library("OFFLOAD_DEVICE_CODE", module(["first"])))
    (failed,) = surveyed(path, ocloc, (), ("acm-g10",)).failed
    assert failed.reason and len(failed.reason.splitlines()) == 1


def test_nothing_there(ocloc, tmp_path):
    path = tmp_path / "lib.so"
    path.write_bytes(host_library(".text", bytes(64)))
    with pytest.raises(UserError, match="no device image"):
        surveyed(path, ocloc)


@pytest.fixture
def isa(capsys, ocloc):
    """``isa(*words)``: what the command left, with ``out``, ``err`` and ``code``."""

    def call(*words):
        with pytest.raises(SystemExit) as done:
            main(["isa", *map(str, words), "--ocloc", shlex.join(ocloc.command)])
        out, err = capsys.readouterr()
        return SimpleNamespace(code=done.value.code, out=out, err=err)

    return call


def test_the_command(isa, library, image, tmp_path):
    path = wheel(tmp_path / "a.whl", "License: MIT", {"lib.so": library.read_bytes()})
    done = isa(path, "--kernel", "sums")
    assert done.code == 0
    for words in ("licence MIT", "image sums", "lib.so", "issue", "left out"):
        assert words in done.out
    record = json.loads(isa(path, "--kernel", "sums", "--json").out)
    exact(record, ImagesRecord)
    assert record["packages"] == [{"file": "a.whl", "licence": "MIT", "kernels": 3}]


def test_a_shape_with_ours_beside_it(isa, library):
    shape = ("--op", "linear", "--format", "sym_int4", "--batch", 1)
    done = isa(library, "--kernel", "sums", *shape)
    assert done.code == 0
    assert "ours (opencl)" in done.out
    assert "an estimate that no card has confirmed" in done.out
    record = json.loads(isa(library, "--kernel", "sums", *shape, "--json").out)
    exact(record, ImagesRecord)
    (image,) = record["kernels"]
    assert image["lane_ops_per_weight"] > 0 and image["memory_us"] > 0
    assert {row["case"] for row in record["ours"]} == {image["case"]}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--diff", "old.json"), "leave out --diff"),
        (("--batch", "1"), "only with --op ours stand beside them: leave out --batch"),
        (("--op", "linear"), "name one --op"),
        (
            ("--op", "linear", "--format", "sym_int4", "--query-tokens", "1,4"),
            "one of --query-tokens",
        ),
        (("--target", "none"), "no target"),
    ],
)
def test_what_does_not_go_together(isa, library, args, words):
    done = isa(library, *args)
    assert done.code == 2
    assert words in done.err


def test_no_file(isa, tmp_path):
    assert isa(tmp_path / "none.so").code == 2
