"""A program is compiled once a source, options and driver, whoever asks."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.runtime.choose import choose_device
from truetpot.runtime.opencl import program
from truetpot.runtime.opencl.build import Build

pytestmark = pytest.mark.opencl

SOURCE = "kernel void put(global int *out, int n) { out[get_global_id(0)] = n + MORE; }\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return program.cache_folder()


def build(more=1):
    return Build("planted.cl", "put", {"MORE": more})


def put(device, text=SOURCE, more=1):
    out = device.empty((4,), np.int32)
    device.function(build(more), text)((4,), None, out, 41)
    return device.download(out).tolist()


def compiled(monkeypatch):
    """Names of the builds that a compiler was asked for from now on."""
    asked = []
    real = program.Programs._compiled

    def spy(self, key, build, text, flags):
        asked.append(key)
        return real(self, key, build, text, flags)

    monkeypatch.setattr(program.Programs, "_compiled", spy)
    return asked


def test_in_memory_and_on_disk(device, own_cache, monkeypatch):
    asked = compiled(monkeypatch)
    assert put(device) == put(device) == [42] * 4
    assert len(asked) == 1
    assert [file.suffix for file in own_cache.iterdir()] == [".bin"]
    assert put(choose_device(device.name)) == [42] * 4, "another device object: from disk"
    assert len(asked) == 1


def test_another_source_other_options_or_another_driver(device, monkeypatch):
    asked = compiled(monkeypatch)
    assert put(device) == [42] * 4
    assert put(device, more=2) == [43] * 4
    assert put(device, SOURCE.replace("n +", "2 * n +")) == [83] * 4
    device.programs._driver += "newer"
    assert put(device) == [42] * 4
    assert len(asked) == len(set(asked)) == 4


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-1], lambda data: b"", lambda data: b"x" * 99]
)
def test_a_spoilt_file_is_compiled_anew_and_mended(device, own_cache, monkeypatch, spoil):
    put(device)
    (file,) = own_cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(spoil(whole))
    asked = compiled(monkeypatch)
    assert put(choose_device(device.name)) == [42] * 4
    assert len(asked) == 1
    assert put(choose_device(device.name)) == [42] * 4
    assert len(asked) == 1


def test_a_binary_that_the_driver_refuses_is_compiled_anew(device, own_cache, monkeypatch):
    put(device)
    (file,) = own_cache.iterdir()
    program._save(file, b"not a program")
    asked = compiled(monkeypatch)
    assert put(choose_device(device.name)) == [42] * 4
    assert len(asked) == 1


def test_a_cache_that_cannot_be_written_only_costs_time(device, own_cache):
    own_cache.parent.mkdir()
    own_cache.write_text("a file where the folder should be")
    assert put(device) == [42] * 4


def test_processes_that_compile_the_same_at_once(device, own_cache):
    code = f"""
        import numpy as np
        from truetpot.runtime.choose import choose_device
        from truetpot.runtime.opencl.build import Build
        device = choose_device({device.name!r})
        for more in range(3):
            build = Build("planted.cl", "put", {{"MORE": more}})
            out = device.empty((4,), np.int32)
            device.function(build, {SOURCE!r})((4,), None, out, 41)
            assert device.download(out).tolist() == [41 + more] * 4
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    running = [subprocess.Popen(command, env=dict(os.environ)) for _ in range(3)]
    assert [process.wait(120) for process in running] == [0] * 3
    assert [file.suffix for file in own_cache.iterdir()] == [".bin"] * 3, "and no half file"


def test_a_failed_build_shows_the_compilers_own_line(device):
    text = '#line 1 "planted.cl"\nkernel void put(global int *out) {\n  out[0] = nowhere;\n}\n'
    with pytest.raises(UserError, match=r"planted\.cl .*does not compile for .*nowhere") as error:
        device.function(build(), text)
    assert "planted.cl:2" in str(error.value)
    assert "\n" not in str(error.value)


def test_arguments_of_every_kind(device):
    text = """
        kernel void put(global double *out, global int *none, int i, float f, ulong wide, uchar c) {
            out[0] = none == 0; out[1] = i; out[2] = f; out[3] = wide; out[4] = c;
        }
    """
    out = device.empty((5,), np.float64)
    run = device.function(build(), text)
    run((1,), (1,), out, None, -3, 0.5, np.uint64(1 << 40), np.uint8(200))
    assert device.download(out).tolist() == [1, -3, 0.5, float(1 << 40), 200]
    # one that changed is set again, between an array and a null pointer too
    run((1,), (1,), out, device.empty((1,), np.int32), 7, 2.0, np.uint64(1), np.uint8(1))
    assert device.download(out).tolist() == [0, 7, 2, 1, 1]
    run((1,), (1,), out, None, 7, 2.0, np.uint64(1), np.uint8(1))
    assert device.download(out).tolist() == [1, 7, 2, 1, 1]
