"""Device images are found in whatever holds them, and nothing else is taken for one."""

import random
import sys

import pytest

from tests.hostile import TEXTS
from tests.isa.images.made import archive, host_library, module
from truetpot.isa.images import elf, spirv
from truetpot.isa.images.containers import CompressedError, images
from truetpot.isa.images.target import kernels_of, target_of

pytestmark = pytest.mark.isa


def found(data):
    return [(one.spirv, target_of(one), kernels_of(one)) for one in images(data)]


WANT = (False, "acm-g10", ("sums",))


def test_a_bare_image(image):
    assert found(image("sums")[0]) == [WANT]


@pytest.mark.parametrize("name", ["64.dg2", "64.12.55.8"])
def test_a_fat_archive(image, name):
    data = archive({name: image("sums")[0], "generic_ir": b"\x7fELF" + bytes(60)})
    assert found(data) == [WANT]
    assert found(host_library("OFFLOAD_DEVICE_CODE", bytes(24) + data + bytes(9) + data)) == [
        WANT,
        WANT,
    ]


def test_images_beside_each_other_in_a_section(image):
    first, second = image("sums")[0], image("others")[0]
    data = host_library("OFFLOAD_DEVICE_CODE", bytes(7) + first + bytes(5) + second)
    assert [kernels for _, _, kernels in found(data)] == [("sums",), ("others",)]


def test_a_section_that_holds_no_device_code_is_not_searched(image):
    assert found(host_library(".text", image("sums")[0])) == []


def test_a_compressed_image(image, monkeypatch):
    zstandard = pytest.importorskip("zstandard")
    frame = zstandard.compress(archive({"64.dg2": image("sums")[0]}))
    data = host_library("__CLANG_OFFLOAD_BUNDLE__sycl-spir64_gen", b"\0" * 3 + frame)
    assert found(data) == [WANT]
    assert found(host_library(".rodata", frame)) == []
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(CompressedError):
        found(data)


def test_spirv(image):
    made = module(["first", "second_one"])
    assert spirv.module(made + bytes(8)) == (made, ("first", "second_one"))
    real = image("sums")[1]
    data = host_library("__CLANG_OFFLOAD_BUNDLE__sycl-spir64", made + bytes(64) + real)
    assert found(data) == [
        (True, None, ("first", "second_one")),
        (True, None, ("sums",)),
    ]


def test_an_archives_word_names_the_target_where_the_image_does_not(image):
    zebin = image("sums")[0]
    note = zebin.index(b"IntelGT")
    blind = zebin[:note] + b"IntelXX" + zebin[note + 7 :]  # names do not matter, types do
    assert found(blind) == [WANT]


def test_a_longer_name_than_a_file_may_have(image):
    name = "k" * 230
    content, names = elf.shortened(image(name)[0], 200)
    assert list(names.values()) == [name]
    (short,) = names
    assert elf.TEXT + short in {one.name for one in elf.sections(content)}
    same, none = elf.shortened(image("sums")[0], 200)
    assert none == {} and same == image("sums")[0]


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_no_image(name):
    assert found(TEXTS[name]) == []


def test_broken_images_are_no_crash(image):
    whole = host_library("OFFLOAD_DEVICE_CODE", archive({"64.dg2": image("sums")[0]}))
    for end in range(0, len(whole), 61):
        found(whole[:end])
    rng = random.Random(0)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(8):
            data[rng.randrange(len(data))] = rng.randrange(256)
        found(bytes(data))
