"""Tuned launch parameters are found where a kernel is made, and what is stale is told once."""

import logging
import os

import pytest

from tests.hostile import SPECIAL, TEXTS, refused, special_files
from truetpot.ops import SILU_MUL, SiluMulCase, tuned
from truetpot.ops.digest import digest_once
from truetpot.ops.registry import Kernel, Registry, register
from truetpot.runtime.choose import choose_device

CASE = SiluMulCase("bf16", 1, 64)
ENTRY = '[silu_mul.mine."dtype=bf16 m=1 n=64"]\nconfig = {config}\n'


@pytest.fixture
def cpu():
    return choose_device("cpu")


@pytest.fixture
def fresh(monkeypatch):
    from truetpot.ops import registry

    empty = Registry()
    monkeypatch.setattr(registry, "REGISTRY", empty)

    @register(SILU_MUL, provider="mine", devices=("cpu",))
    class Mine(Kernel):
        @classmethod
        def configs(cls, case, device):
            yield {"tile": 4}
            yield from ({"tile": tile} for tile in (16, 32))
            yield {"tile": 8, "warps": 2}

        def __init__(self, case, device, tile=4, warps=1):
            super().__init__(case, device, warps=warps)
            self.tile = tile

        def __call__(self, *, gate_up):
            return gate_up

    return empty


@pytest.fixture
def files(monkeypatch, tmp_path, cpu):
    """``files(user=..., shipped=...)`` writes them."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv(tuned.VARIABLE, raising=False)
    paths = {"user": tuned.user_file(cpu), "shipped": tmp_path / "shipped.toml"}
    monkeypatch.setattr(tuned, "shipped_file", lambda device: paths["shipped"])
    paths["user"].parent.mkdir(parents=True)

    def write(**texts):
        for name, text in texts.items():
            paths[name].write_text(text)
        return paths

    return write


@pytest.fixture
def parameters(fresh, cpu):
    """Of the kernel that is built."""
    return lambda **config: fresh.build("silu_mul", "mine", CASE, cpu, **config).parameters


def entry(config):
    return ENTRY.format(config=config)


def test_the_default_is_the_first_configuration(files, parameters):
    files()
    assert parameters() == {"tile": 4, "warps": 1}


def test_the_users_file_comes_before_the_packages(files, parameters):
    files(shipped=entry("{ tile = 16 }"))
    assert parameters()["tile"] == 16
    files(user=entry("{ tile = 32 }"))
    assert parameters() == {"tile": 32, "warps": 1}
    files(user=entry("{}"))
    assert parameters()["tile"] == 4, "the user found the default to be the best"
    files(user='[linear.mine."another case"]\nconfig = { tile = 2 }\n')
    assert parameters()["tile"] == 16


def label(m, n=64):
    return f"dtype=bf16 m={m} n={n}"


def of(case, config):
    return f'[silu_mul.mine."{case}"]\nconfig = {config}\n'


@pytest.mark.parametrize(
    ("user", "shipped", "tile", "origin", "of_case"),
    [
        ("", "", 4, "default", None),
        (entry("{ tile = 32 }"), entry("{ tile = 16 }"), 32, "user", None),
        ("", entry("{ tile = 16 }"), 16, "shipped", None),
        (entry("{}"), entry("{ tile = 16 }"), 4, "user", None),
        (of(label(8), "{ tile = 32 }"), entry("{ tile = 16 }"), 16, "shipped", None),
        (of(label(8), "{ tile = 32 }"), of(label(2), "{ tile = 16 }"), 16, "nearest", label(2)),
        (of(label(2), "{ tile = 32 }"), of(label(2), "{ tile = 16 }"), 32, "nearest", label(2)),
        (of(label(2), "{ tile = 5 }") + of(label(3), "{ tile = 32 }"), "", 32, "nearest", label(3)),
        (of(label(2), "{}"), "", 4, "nearest", label(2)),
        (entry("{ tile = 5 }") + of(label(3), "{ tile = 32 }"), "", 32, "nearest", label(3)),
        (of(label(4), "{ tile = 32 }"), "", 4, "default", None),
        (of(label(1, n=128), "{ tile = 32 }"), "", 4, "default", None),
        (of("dtype=fp16 m=1 n=64", "{ tile = 32 }"), "", 4, "default", None),
        (of("dtype=bf16 m=1 n=64 m=2", "{ tile = 32 }"), "", 4, "default", None),
        (of("dtype=bf16 m=x n=64", "{ tile = 32 }"), "", 4, "default", None),
        (of(f"dtype=bf16 m={'9' * 5000} n=64", "{ tile = 32 }"), "", 4, "default", None),
    ],
)
def test_a_choice_says_where_it_comes_from(
    files, fresh, cpu, user, shipped, tile, origin, of_case
):
    files(user=user, shipped=shipped)
    choice = fresh.build("silu_mul", "mine", CASE, cpu).choice
    assert (choice.config["tile"], choice.origin, choice.of_case) == (tile, origin, of_case)


@pytest.mark.parametrize(
    ("a", "b", "far"),
    [
        ("batch=1 heads=8 context=1023", "batch=3 heads=8 context=4095", 3),
        ("batch=1 heads=8 context=1023", "batch=1 heads=16 context=1023", None),
        ("m=1 n=8 + m=1 n=4", "m=3 n=8 + m=3 n=4", 2),
        ("m=1 page=16", "m=1", None),
        ("m=1 page=16", "m=1 page=32", None),
    ],
)
def test_near_is_of_batch_and_context_only(a, b, far):
    assert tuned.octaves(a, b) == tuned.octaves(b, a) == far


def test_given_parameters_come_first(files, parameters):
    files(user=entry("{ tile = 16, warps = 4 }"))
    assert parameters(tile=2) == {"tile": 2, "warps": 1}


def test_the_switch(files, parameters, monkeypatch):
    files(user=entry("{ tile = 16 }"))
    monkeypatch.setenv("TRUETPOT_TUNED", "off")
    assert parameters()["tile"] == 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (entry("{ tile = 8, stages = 3 }"), "the kernel has no parameter stages; tune it again"),
        (entry("3"), "config is not as it should be"),
        (entry("{ tile = [8] }"), "config"),
        (entry("{ tile = 8 }\ngain = -1.0"), "gain"),
        (entry("{ tile = " + "[" * 5000 + "]" * 5000 + " }"), "nests too deep"),
        (entry("{ tile = 1000000000 }"), "no configuration of the kernel has tile = 1000000000"),
        (entry("{ tile = 1e400 }"), "config"),
        (entry("{ tile = nan }"), "config"),
        (entry("{ tile = 1" + "0" * 400 + " }"), "config"),
        (entry("{ tile = '4' }"), "no configuration of the kernel has tile = '4'"),
        (entry("{ tile = true }"), "no configuration of the kernel has tile = True"),
        (entry(f"{{ tile = {'9' * 5000} }}"), "cannot be read"),
        (entry("{ tile = 16, warps = 2 }"), "no configuration of the kernel has these values "),
        ("a = " + "[" * 5000, "nests too deep"),
        ("a = '\x1b'", "cannot be read"),
        ("[silu_mul.mine\n", "cannot be read"),
        ("linear = 3\nsilu_mul = 4\n", None),
    ],
)
def test_what_cannot_be_used_is_told_once(files, parameters, caplog, text, told):
    paths = files(user=text, shipped=entry("{ tile = 16 }"))
    with caplog.at_level(logging.WARNING):
        assert parameters()["tile"] == 16
        assert parameters()["tile"] == 16
    if told is None:
        assert caplog.messages == []
    else:
        (message,) = caplog.messages
        assert told in message
        assert str(paths["user"]) in message
        assert "\n" not in message


def test_an_entry_of_another_kernel_is_told_and_not_used(files, parameters, fresh, caplog):
    """The digest is of all that the kernel is made of; an entry without one is believed."""
    files(user=f'{entry("{ tile = 16 }")}source = "0123456789abcdef"\n')
    assert parameters() == {"tile": 4, "warps": 1}
    assert parameters() == {"tile": 4, "warps": 1}
    (told,) = caplog.messages
    assert "is not used: the kernel has changed since it was tuned; tune it again." in told
    (kernel,) = fresh.kernels("silu_mul", "mine")
    files(user=f'{entry("{ tile = 16 }")}source = "{digest_once(kernel)}"\n')
    assert parameters() == {"tile": 16, "warps": 1}


def test_a_file_without_permission(files, parameters, caplog):
    paths = files(user=entry("{ tile = 16 }"))
    paths["user"].chmod(0)
    if os.access(paths["user"], os.R_OK):
        pytest.skip("this user may read everything")
    assert parameters()["tile"] == 4
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("kind", ["a pipe", "a folder"])
def test_what_is_no_file_is_not_read(files, parameters, caplog, kind):
    paths = files(shipped=entry("{ tile = 16 }"))
    (os.mkfifo if kind == "a pipe" else os.mkdir)(paths["user"])
    assert parameters()["tile"] == 16
    (message,) = caplog.messages
    assert f"{paths['user']} is {kind}" in message


def test_values_are_the_kernels_own(files, parameters):
    """A kernel is not given 16.0 where it named 16."""
    files(user=entry("{ tile = 16.0 }"))
    assert repr(parameters()["tile"]) == "16"
    files(user=entry("{ warps = 2, tile = 8 }"))
    assert parameters() == {"tile": 8, "warps": 2}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("NVIDIA H200", "nvidia-h200"),
        ("Intel(R) Arc(TM) A770 Graphics", "intel-r-arc-tm-a770-graphics"),
        ("-/.", "device"),
    ],
)
def test_files_are_named_after_the_device(name, slug):
    class Named:
        def identity(self):
            return {"name": name}

    assert tuned.slug(Named()) == slug


@pytest.mark.parametrize("name", SPECIAL)
def test_special_files(tmp_path, name):
    path = special_files(tmp_path)[name]
    refused(lambda: tuned.read(path))


HOSTILE = {
    name: text for name, text in TEXTS.items() if name not in ("empty", "blanks", "a list")
} | {
    "deep list": b"a = " + b"[" * 100_000,
    "deep table": b"a = " + b"{a=" * 100_000,
    "long number": b"a = " + b"9" * 10_000,
    "long key": b"a." * 50_000 + b"a = 1",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts(tmp_path, name):
    (tmp_path / "tuned.toml").write_bytes(HOSTILE[name])
    refused(lambda: tuned.read(tmp_path / "tuned.toml"))


def test_no_file_is_no_entry(tmp_path):
    assert tuned.read(tmp_path / "none.toml") == {}
