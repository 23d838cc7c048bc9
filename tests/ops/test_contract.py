"""A class that is not what a kernel has to be is one sentence, and costs nothing but itself."""

import re
import textwrap
from dataclasses import replace

import pytest

from truetpot.ops import (
    DECODE_ATTENTION,
    ROPE_APPEND_ATTENTION,
    SILU_MUL,
    RopeAppendCase,
    SiluMulCase,
    registry,
)
from truetpot.ops.contract import ContractError
from truetpot.ops.registry import REGISTRY, Kernel, Registry, register
from truetpot.ops.rope_append_attention import attention_after
from truetpot.runtime.choose import choose_device

HEAD = """
from truetpot.ops import LINEAR, RMS_NORM, ROPE_APPEND, SILU_MUL, Composite, OPERATORS
from truetpot.ops.registry import Kernel, register
"""
GOOD = """
@register(SILU_MUL, provider="good", devices=("cpu",))
class Good(Kernel):
    def __call__(self, *, gate_up):
        return gate_up
"""
SILU = '@register(SILU_MUL, provider="bad", devices=("cpu",))\nclass Bad(Kernel):\n'
CALL = "    def __call__(self, *, gate_up): pass\n"
WEIGHT = '@register(LINEAR, provider="bad", devices=("cpu",))\nclass Bad(Kernel):\n'
LINEAR_CALL = "    def __call__(self, *, x, weight, bias): pass\n"
COARSE = '    coarse = "to 8 bits"\n'
ROUNDED = "    def rounded(self, inputs): return inputs\n"
COMPOSITE = 'OWN = Composite("own", (RMS_NORM, LINEAR), ("{wire}",), grid=lambda: ())\n'
OF_OWN = '@register(OWN, provider="bad", devices=("cpu",))\nclass Bad(Kernel):\n'

FAULTS = {
    "plain refuses": (SILU + CALL + "    def refuses(self, case, device): pass\n", -1,
        "Bad.refuses is no classmethod; write @classmethod above it"),
    "plain configs": (SILU + CALL + "    def configs(case, device): pass\n", -1,
        "Bad.configs is no classmethod; write @classmethod above it"),
    "plain note": (SILU + CALL + "    def note(self, device): pass\n", -1,
        "Bad.note is no classmethod"),
    "refuses of a device alone": (
        SILU + CALL + "    @classmethod\n    def refuses(cls, device): pass\n", -2,
        r"Bad.refuses takes \(device\) and is called with \(case, device\); give it these"),
    "refuses the other way round": (
        SILU + CALL + "    @classmethod\n    def refuses(cls, device, case): pass\n", -2,
        r"Bad.refuses takes \(device, case\) and is called with \(case, device\)"),
    "configs of more": (
        SILU + CALL + "    @classmethod\n    def configs(cls, case, device, hardware): pass\n", -2,
        r"Bad.configs takes \(case, device, hardware\) and is called with \(case, device\)"),
    "note of a case": (
        SILU + CALL + "    @classmethod\n    def note(cls, case, device): pass\n", -2,
        r"Bad.note takes \(case, device\) and is called with \(device\)"),
    "a static refuses of too many": (
        SILU + CALL + "    @staticmethod\n    def refuses(cls, case, device): pass\n", -2,
        r"Bad.refuses takes \(cls, case, device\)"),
    "refuses that is text": (SILU + CALL + '    refuses = "nothing"\n', 0,
        "Bad.refuses is 'nothing' and no method; write def refuses"),
    "parameters called": (SILU + CALL + "    def parameters(self): return {}\n", -1,
        "Bad.parameters is read, not called; write @property above it"),
    "init without a device": (SILU + CALL + "    def __init__(self, case): pass\n", -1,
        r"Bad.__init__ takes \(case\) and is called with \(case, device\)"),
    "no call": (SILU + "    pass\n", 0,
        r"the class Bad has no __call__; write def __call__\(self, \*, gate_up\)"),
    "another input": (SILU + "    def __call__(self, *, x): pass\n", -1,
        "Bad.__call__ does not take gate_up, which silu_mul passes by name"),
    "one input more": (SILU + "    def __call__(self, *, gate_up, out): pass\n", -1,
        "Bad.__call__ asks for out, which silu_mul does not pass; it passes gate_up"),
    "an input by its place": (SILU + "    def __call__(self, gate_up, /): pass\n", -1,
        "Bad.__call__ does not take gate_up"),
    "no bias": (
        WEIGHT + "    def pack(self, weight): pass\n    def __call__(self, *, x, weight): pass\n",
        -1, "Bad.__call__ does not take bias, which linear passes by name"),
    "no pack": (WEIGHT + LINEAR_CALL, 0,
        r"the class Bad has no pack, and linear has weights; write def pack\(self, weight\)"),
    "pack of nothing": (WEIGHT + LINEAR_CALL + "    def pack(self): pass\n", -1,
        r"Bad.pack takes \(\) and is called with \(weight\)"),
    "coarse alone": (SILU + CALL + COARSE, 0,
        "Bad is coarse and has no rounded; write def rounded"),
    "rounded alone": (SILU + CALL + ROUNDED, 0, "Bad has rounded and is not coarse"),
    "coarse is True": (SILU + CALL + "    coarse = True\n" + ROUNDED, 0,
        "coarse of Bad is True; say in one line"),
    "rounded of nothing": (SILU + CALL + COARSE + "    def rounded(self): pass\n", -1,
        r"Bad.rounded takes \(\) and is called with \(inputs\)"),
    "a number for a provider": (SILU.replace('"bad"', "3") + CALL, 0,
        "the provider is 3; give it a name of letters, digits, "),
    "a provider with a comma": (SILU.replace('"bad"', '"a,b"') + CALL, 0, "the provider is 'a,b'"),
    "a provider with a control character": (SILU.replace('"bad"', '"a\\x1b[2J"') + CALL, 0,
        r"the provider is 'a\\x1b\[2J'"),
    "the provider all": (SILU.replace('"bad"', '"all"') + CALL, 0, "that is not all"),
    "no provider": (SILU.replace('provider="bad", ', "") + CALL, 0, "the provider is ''"),
    "no devices": (SILU.replace(', devices=("cpu",)', "") + CALL, 0, r"the devices are \(\)"),
    "devices without a comma": (SILU.replace('("cpu",)', '("cpu")') + CALL, 0,
        r"the devices are 'cpu'; give a tuple of kinds such as \('cpu',\)"),
    "a device by its full name": (SILU.replace('("cpu",)', '("opencl:gpu",)') + CALL, 0,
        "a device is 'opencl:gpu'"),
    "a kind of device that there is not": (SILU.replace('("cpu",)', '("gpu",)') + CALL, 0,
        "there is no kind of device 'gpu'.*; choose from xpu, cuda, cpu, opencl, or torch for all"),
    "a device that is a number": (SILU.replace('("cpu",)', "(0,)") + CALL, 0, "a device is 0"),
    "an operator's name": (SILU.replace("SILU_MUL", '"silu_mul"') + CALL, 0,
        "register takes an operator with a name, not 'silu_mul'; import one from truetpot.ops"),
    "nothing given": ("@register\nclass Bad(Kernel):\n" + CALL, 0,
        "register takes an operator with a name, not Bad"),
    "a function": (SILU.partition("class")[0] + "def Bad(gate_up): pass\n", 0,
        "is no class that derives from Kernel; write class"),
    "no query tokens": (SILU + "    most_query_tokens = True\n" + CALL, 0,
        "most_query_tokens of Bad is True; give the most query tokens of a sequence"),
    "a class of its own": (SILU.replace("(Kernel)", "") + CALL, 0,
        "Bad is no class that derives from Kernel"),
    "registered twice": (SILU.partition("class")[0].replace("bad", "worse") + SILU + CALL, 0,
        "the class Bad is registered twice; derive a second class from it"),
    "two of a name": (GOOD.replace("gate_up):", "gate_up, more=0):").replace("good", "bad")
        + SILU.replace("Bad", "Good") + CALL, 5,
        "a class Good is registered above it; give this one another name"),
    "a name that is taken": (
        COMPOSITE.format(wire="x").replace('"own"', '"linear"') + OF_OWN + LINEAR_CALL, 1,
        "there is an operator linear already; give this one another name"),
    "a wire that is no input": (COMPOSITE.format(wire="y") + OF_OWN + LINEAR_CALL, 1,
        "the composite own wires linear by 'y', which is none of its inputs; choose one of x, "),
    "a composite's inputs": (COMPOSITE.format(wire="x") + OF_OWN
        + "    def pack(self, weight): pass\n" + LINEAR_CALL, -1,
        "Bad.__call__ does not take gamma, residual, which own passes by name"),
}  # fmt: skip


@pytest.fixture
def fresh(monkeypatch):
    empty = Registry()
    monkeypatch.setattr(registry, "REGISTRY", empty)
    return empty


@pytest.fixture
def load(fresh, tmp_path):
    """Load files by name and text; the reasons of what was lost."""

    def load(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        return fresh.load_folder(tmp_path)

    return load


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_sentence_and_costs_one_class(fresh, load, tmp_path, name):
    text, line, says = FAULTS[name]
    lines = HEAD.count("\n") + 1 + (line if line >= 0 else text.count("\n") + line)
    lost = load(file=HEAD + text + GOOD.replace("Good", "After"), other=HEAD + GOOD)
    (reason,) = {missing.reason for missing in lost}
    assert re.search(says, reason), reason
    assert "\n" not in reason
    assert reason.startswith(f"{tmp_path / 'file.py'}:{lines}: ")
    assert {"After", "Good"} <= {kernel.__name__ for kernel in fresh.kernels()}
    found = fresh.choose("silu_mul", SiluMulCase("bf16", 1, 64), choose_device("cpu"), "good")
    assert found.kernel is not None


def test_the_reason_stands_where_the_kernel_would(fresh, load):
    load(file=HEAD + SILU + "    pass\n")
    case, cpu = SiluMulCase("bf16", 1, 64), choose_device("cpu")
    reason = fresh.choose("silu_mul", case, cpu, "bad").reason
    assert "has no __call__" in reason
    assert "bad" in fresh.providers()


def test_a_fault_beside_a_right_kernel_of_the_same_provider(fresh, load):
    """It is no reason to lose the other."""
    load(file=HEAD + SILU + "    pass\n" + SILU.replace("Bad", "Better") + CALL)
    case, cpu = SiluMulCase("bf16", 1, 64), choose_device("cpu")
    found = fresh.choose("silu_mul", case, cpu, "bad").kernel
    assert found.__name__ == "Better"


def test_names_that_would_break_a_list_of_providers_are_in_none(fresh, load, tmp_path):
    (tmp_path / "a,b.py").write_text("import not_there\n")
    (missing,) = load()
    assert missing.provider == "a,b"
    assert fresh.providers() == []


def test_every_builtin_kernel_keeps_the_contract():
    REGISTRY.load_builtin()
    kernels = REGISTRY.kernels()
    assert len(kernels) > 40
    assert [one for one in REGISTRY.missing() if one.what.startswith("the class")] == []


def test_what_is_legal(fresh):
    """Anything that can be called as a kernel is: by keywords, with more, as a static method."""

    @register(SILU_MUL, provider="mine", devices=("cpu", "xpu"))
    class Mine(Kernel):
        coarse = "to 8 bits"

        def __init__(self, case, device, tile=4):
            super().__init__(case, device, tile=tile)

        def __call__(self, *, scale=1.0, **inputs):
            return inputs["gate_up"]

        def rounded(self, inputs):
            return inputs

        @staticmethod
        def note(device):
            return "here"

        @classmethod
        def refuses(cls, one, *rest):
            return None

    @register(SILU_MUL, provider="derived", devices=("cpu",))
    class Derived(Mine):
        pass

    assert fresh.kernels() == [Mine, Derived]


def test_more_query_tokens_than_a_kernel_says_to_take_are_refused(fresh):
    """Whatever its own refuses says, and of a composite's parts too: it was written for one."""

    @register(DECODE_ATTENTION, provider="before", devices=("cpu",))
    class Before(Kernel):
        def __call__(self, **inputs):
            return inputs["q"]

        @classmethod
        def refuses(cls, case, device):
            return "no bf16" if case.dtype == "bf16" else None

    @register(ROPE_APPEND_ATTENTION, provider="now", devices=("cpu",))
    class Now(Kernel):
        most_query_tokens = 4

        def __call__(self, **inputs):
            return inputs["qkv"]

    cpu = choose_device("cpu")
    one = RopeAppendCase("fp16", 1, 4, 2, 64, 20, "fp16")
    four, eight = (replace(one, query_tokens=n) for n in (4, 8))
    assert Before.refuses(attention_after(one), cpu) is None
    says = "this kernel takes one query token a sequence, not 4"
    assert Before.refuses(attention_after(four), cpu) == says
    assert fresh.choose("decode_attention", attention_after(four), cpu, "before").reason == says
    assert Before.refuses(replace(attention_after(four), dtype="bf16"), cpu) == "no bf16"
    cases = [ROPE_APPEND_ATTENTION.case(rope, attention_after(rope)) for rope in (four, eight)]
    says = "this kernel takes at most 4 query tokens a sequence, not 8"
    assert [Now.refuses(case, cpu) for case in cases] == [None, says]


@pytest.fixture
def answering(fresh):
    """Make a kernel class that answers what it is told to, whoever asks."""

    def make(method, answer):
        def give(*args):
            return answer

        @register(SILU_MUL, provider="odd", devices=("cpu",))
        class Odd(Kernel):
            coarse = "to 8 bits"

            def __call__(self, *, gate_up):
                return gate_up

            def rounded(self, inputs):
                return answer if method == "rounded" else inputs

            if method != "rounded":
                locals()[method] = classmethod(give)

        return Odd

    return make


ABOUT = r"of the odd silu_mul kernel \(.*test_contract.py\) "
CASE = SiluMulCase("bf16", 1, 64)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (False, "returned False; return None, or say why in a line"),
        ("", "returned ''; return None, or say why"),
        (["no"], r"returned \['no'\]"),
    ],
)
def test_refuses_is_held_to_its_type(fresh, answering, answer, says):
    odd, cpu = answering("refuses", answer), choose_device("cpu")
    with pytest.raises(ContractError, match="^refuses " + ABOUT + says):
        odd.refuses(CASE, cpu)
    found = fresh.choose("silu_mul", CASE, cpu, "odd")
    assert found.fault
    assert re.search("^refuses " + ABOUT + says, found.reason)


def endless():
    while True:
        yield {}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([3], "yielded 3; yield dicts"),
        ({"tile": 4}, "yielded 'tile'; yield dicts"),
        ([{4: "tile"}], "yielded {4: 'tile'}"),
        (None, "returned None; yield dicts"),
    ],
)
def test_configs_is_held_to_its_type(fresh, answering, answer, says):
    answering("configs", answer)
    with pytest.raises(ContractError, match="configs " + ABOUT + says):
        fresh.build("silu_mul", "odd", CASE, choose_device("cpu"))


def test_configs_has_an_end(answering):
    odd, cpu = answering("configs", endless()), choose_device("cpu")
    assert next(iter(odd.configs(CASE, cpu))) == {}
    with pytest.raises(ContractError, match="yielded more than 100000"):
        list(odd.configs(CASE, cpu))


def test_note_is_held_to_its_type(answering):
    with pytest.raises(ContractError, match="note " + ABOUT + "returned None; return text"):
        answering("note", None).note(choose_device("cpu"))


@pytest.mark.parametrize("answer", [None, {}, {"gate_up": "x"}])
def test_rounded_is_held_to_its_type(answering, rng, answer):
    inputs, cpu = SILU_MUL.inputs(CASE, rng), choose_device("cpu")
    assert answering("note", "")(CASE, cpu).rounded(inputs) is inputs
    with pytest.raises(ContractError, match="rounded " + ABOUT + "returned .*; return a dict of"):
        answering("rounded", answer)(CASE, cpu).rounded(inputs)


def test_a_class_that_derives_from_a_registered_one_is_asked_itself(fresh):
    @register(SILU_MUL, provider="mine", devices=("cpu",))
    class Mine(Kernel):
        most = 1

        @classmethod
        def configs(cls, case, device):
            return [{"most": cls.most}]

        def __call__(self, *, gate_up):
            return gate_up

    @register(SILU_MUL, provider="more", devices=("cpu",))
    class More(Mine):
        most = 2

        @classmethod
        def configs(cls, case, device):
            return [*super().configs(case, device), {"most": 3}]

    assert [*More.configs(CASE, None)] == [{"most": 2}, {"most": 3}]
    assert [*Mine.configs(CASE, None)] == [{"most": 1}]
