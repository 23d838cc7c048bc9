"""Kernels are found, and what is not there has a reason."""

import sys
import textwrap
from pathlib import Path

import pytest

from truetpot import ops
from truetpot.errors import UserError
from truetpot.ops import LINEAR, OPERATORS, SILU_MUL, LinearCase, SiluMulCase, registry
from truetpot.ops.registry import REGISTRY, Kernel, Registry, register
from truetpot.runtime.choose import choose_device

CASE = SiluMulCase("bf16", 1, 64)

KERNEL = """
    from truetpot.ops import SILU_MUL
    from truetpot.ops.registry import Kernel, register

    @register(SILU_MUL, provider="{provider}", devices={devices})
    class {name}(Kernel):
        def __call__(self, *, gate_up):
            return gate_up
"""


def source(name="Mine", provider="mine", devices="('cpu',)"):
    return textwrap.dedent(KERNEL.format(name=name, provider=provider, devices=devices))


@pytest.fixture
def cpu():
    return choose_device("cpu")


@pytest.fixture
def fresh(monkeypatch):
    """An empty registry in the place of the process's own."""
    empty = Registry()
    monkeypatch.setattr(registry, "REGISTRY", empty)
    return empty


@pytest.fixture
def plant(tmp_path):
    def plant(path, text):
        file = tmp_path / "kernels" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return tmp_path / "kernels"

    return plant


def names(kernels):
    return [kernel.__name__ for kernel in kernels]


def test_every_builtin_file_is_imported():
    REGISTRY.load_builtin()
    here = {(k.op.name, k.provider) for k in REGISTRY.kernels()}
    here |= {(m.op, m.provider) for m in REGISTRY.missing()}
    assert {(op, "torch") for op in ("linear", "decode_attention", "rms_norm")} <= here
    assert "torch" in REGISTRY.providers()
    kernel = REGISTRY.kernels("linear", "torch")[0]
    assert kernel.source.endswith("kernels/linear/torch.py")


def test_the_default_environment_misses_neither_torch_nor_numba():
    REGISTRY.load_builtin()
    assert [m for m in REGISTRY.missing() if m.provider in ("torch", "numba")] == []


def test_folders_in_both_shapes(fresh, plant):
    plant("silu_mul/mine.py", source("Deep", "mine"))
    plant("flat.py", source("Flat", "flat"))
    folder = plant("silu_mul/_helper.py", "raise RuntimeError('helpers are not kernels')")
    fresh.load_folder(folder)
    assert sorted(names(fresh.kernels("silu_mul"))) == ["Deep", "Flat"]
    assert fresh.missing() == []
    fresh.load_folder(folder)
    assert len(fresh.kernels()) == 2, "loaded once"


def test_a_folder_that_is_not_there():
    with pytest.raises(UserError, match="no kernel folder nowhere"):
        Registry().load_folder("nowhere")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import a_module_nobody_has", "No module named 'a_module_nobody_has'"),
        ("def broken(:\n", "SyntaxError: invalid syntax"),
        ("raise RuntimeError('no driver here\\nand more')", "RuntimeError: no driver here"),
        ("raise KeyError", "KeyError"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_a_file_that_cannot_be_imported_is_a_reason(fresh, plant, cpu, text, reason):
    plant("silu_mul/good.py", source("Good", "good"))
    fresh.load_folder(plant("silu_mul/bad.py", text))
    (missing,) = fresh.missing()
    assert (missing.op, missing.provider) == ("silu_mul", "bad")
    assert missing.reason.startswith(reason)
    assert "\n" not in missing.reason
    assert fresh.choose("silu_mul", CASE, cpu, "bad").reason == missing.reason
    assert "bad" in fresh.providers()
    assert names(fresh.kernels()) == ["Good"]


def test_a_missing_module_of_a_builtin_provider_is_a_reason(fresh, monkeypatch, cpu):
    """As where numba is not installed: nothing is raised, everything else is there."""
    for name in [n for n in sys.modules if n.startswith("truetpot.kernels")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    fresh.load_builtin()
    if not fresh.missing():
        pytest.skip("no builtin kernel imports numba")
    assert {m.provider for m in fresh.missing()} == {"numba"}
    assert all("numba" in m.reason for m in fresh.missing())
    assert fresh.choose("silu_mul", CASE, cpu, "torch").kernel is not None


def test_reasons_why_there_is_no_kernel(fresh, cpu):
    assert fresh.choose("silu_mul", CASE, cpu, "nobody").reason == "nobody has no silu_mul kernel"

    @register(SILU_MUL, provider="gpu", devices=("xpu", "cuda"))
    class Gpu(Kernel):
        def __call__(self, *, gate_up):
            return gate_up

    want = "the gpu silu_mul kernel runs on cuda, xpu, not on cpu"
    assert fresh.choose("silu_mul", CASE, cpu, "gpu").reason == want
    with pytest.raises(UserError, match=f"No silu_mul kernel of gpu for .*: {want}"):
        fresh.build("silu_mul", "gpu", CASE, cpu)


def test_the_first_kernel_that_does_not_refuse(fresh, cpu):
    @register(SILU_MUL, provider="two", devices=("cpu",))
    class Even(Kernel):
        @classmethod
        def refuses(cls, case, device):
            return "n is odd" if case.n % 2 else None

        def __call__(self, *, gate_up):
            return gate_up

    @register(SILU_MUL, provider="two", devices=("cpu",))
    class Small(Kernel):
        @classmethod
        def refuses(cls, case, device):
            return "n is above 10" if case.n > 10 else None

        def __call__(self, *, gate_up):
            return gate_up

    def chosen(n):
        return fresh.choose("silu_mul", SiluMulCase("bf16", 1, n), cpu, "two")

    assert chosen(64).kernel is Even
    assert chosen(7).kernel is Small
    assert chosen(65).kernel is None
    assert chosen(65).reason == "n is odd; n is above 10"


def test_build_hands_the_launch_parameters_on(fresh, cpu):
    @register(SILU_MUL, provider="tuned", devices=("cpu",))
    class Tuned(Kernel):
        def __call__(self, *, gate_up):
            return gate_up

    kernel = fresh.build("silu_mul", "tuned", CASE, cpu, tile=8)
    assert (kernel.config, kernel.case, kernel.device) == ({"tile": 8}, CASE, cpu)
    assert (Tuned.op, Tuned.provider, Tuned.devices) == (SILU_MUL, "tuned", ("cpu",))


def test_a_class_registered_again_replaces_itself_only(fresh, plant):
    for _ in range(2):

        @register(SILU_MUL, provider="mine", devices=("cpu",))
        class Mine(Kernel):
            def __call__(self, *, gate_up):
                return gate_up

    assert fresh.kernels() == [Mine]
    # of the same name, from another file: a kernel of its own
    plant("a.py", source().replace("class Mine", "class Same"))
    fresh.load_folder(plant("b.py", source().replace("class Mine", "class Same")))
    assert names(fresh.kernels()) == ["Mine", "Same", "Same"]


def test_int4_refusals_of_torch_say_what_does_not_fit(cpu):
    REGISTRY.load_builtin()
    case = LinearCase("bf16", 1, 17, 128, "sym_int4")
    reason = REGISTRY.choose("linear", case, cpu, "torch").reason
    assert reason == "torch's int4 product on cpu takes N in multiples of 16, not 17"
    unknown = LinearCase("bf16", 1, 16, 128, "nobodys")
    reason = REGISTRY.choose("linear", unknown, cpu, "torch").reason
    assert reason == "torch has no product with nobodys weights"
    assert LINEAR.name == "linear"


def test_a_file_is_imported_when_it_is_asked_for(fresh, monkeypatch):
    """So that a device without torch needs none:"""
    for name in [n for n in sys.modules if n.startswith("truetpot.kernels")]:
        monkeypatch.delitem(sys.modules, name)
    fresh.load_builtin()
    assert {"torch", "numba"} <= set(fresh.providers())
    assert fresh.imported() == []
    assert {(k.op.name, k.provider) for k in fresh.kernels("silu_mul", "torch")} == {
        ("silu_mul", "torch")
    }
    assert {k.provider for k in fresh.imported()} == {"torch"}


def test_a_builtin_file_registers_what_its_name_says():
    """Its name is all that is known of it before it is imported."""
    REGISTRY.load_builtin()
    for kernel in REGISTRY.kernels():
        if kernel.__module__.startswith("truetpot.kernels."):
            assert kernel.__module__.split(".")[-2:] == [kernel.op.name, kernel.provider]


def test_a_users_kernel_of_a_builtin_name_comes_after_it(fresh, monkeypatch, plant):
    for name in [n for n in sys.modules if n.startswith("truetpot.kernels")]:
        monkeypatch.delitem(sys.modules, name)
    fresh.load_builtin()
    fresh.load_folder(plant("silu_mul/mine.py", source("Mine", "torch")))
    assert names(fresh.kernels("silu_mul", "torch")) == ["TorchSiluMul", "Mine"]


def test_an_operator_is_known_by_its_file(monkeypatch, tmp_path):
    """And each name is one operator's."""
    text = Path(ops.silu_mul.__file__).read_text()
    (tmp_path / "another.py").write_text(text.replace('name = "silu_mul"', 'name = "another"'))
    monkeypatch.setattr(ops, "__path__", [*ops.__path__, str(tmp_path)])
    found = {id(op): op.name for op in ops._defined()}
    assert sorted(found.values()) == sorted([*OPERATORS, "another"])
    del sys.modules["truetpot.ops.another"], ops.another
