"""Which kernel ipex-llm picks, held against ipex-llm's own rule."""

import ast
import itertools
from types import SimpleNamespace

import pytest
import torch

from truetpot.errors import UserError
from truetpot.facts import ipex_llm
from truetpot.facts.hardware import all_hardware

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
FAMILIES = ("arc", "pvc", "mtl", "lnl", "bmg", "arl", "legacy", "unknown")
ROWS = (1, 2, 8, 9, 48, 49, 64, 65)
COLUMNS = (1, 32, 48, 64, 5120, 55296)
DEPTHS = (64, 128, 192, 256, 384, 512, 5120)


def theirs(wheel, path, function):
    """One function of a module of the wheel, by its source alone, in names of our making."""
    tree = ast.parse(wheel.read(path))
    found = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
    names = {"torch": torch, "get_xpu_device_name": lambda device: device.name, **constants(wheel)}
    exec(compile(ast.Module([found], []), path, "exec"), names)
    return names[function]


def constants(wheel):
    """SYM_INT4 and its like, as their modules define them."""
    qtypes = assignments(wheel, "ipex_llm/ggml/quantize.py")
    table = ast.literal_eval(qtypes["ggml_tensor_qtype"])
    lookup = "ggml_tensor_qtype["
    low_bit = assignments(wheel, "ipex_llm/transformers/low_bit_linear.py").items()
    return {
        name: table[ast.literal_eval(value.removeprefix(lookup)[:-1])]
        for name, value in low_bit
        if value.startswith(lookup)
    }


def assignments(wheel, path):
    """Source of every value that a module assigns to a name."""
    tree = ast.parse(wheel.read(path))
    found = [node for node in tree.body if isinstance(node, ast.Assign)]
    return {ast.unparse(node.targets[0]): ast.unparse(node.value) for node in found}


@pytest.mark.vendors
@pytest.mark.parametrize("version", ["2.2.0", "2.3.0b20251110"])
def test_the_rule_is_the_vendors_own_on_every_combination(version, vendor_wheel):
    wheel = vendor_wheel(f"ipex-llm=={version}")
    low_bit = "ipex_llm/transformers/low_bit_linear.py"
    batched = theirs(wheel, low_bit, "use_batch_forward")
    fused = theirs(wheel, "ipex_llm/transformers/models/utils.py", "mlp_fusion_check")
    formats = [name for name in ipex_llm.qtypes() if not name.startswith("torch_fp8")]
    taken = 0
    for family, name, m in itertools.product(FAMILIES, formats, ROWS):
        qtype = ipex_llm.qtypes()[name]
        device = SimpleNamespace(name=family, type="xpu")
        for dtype, n, k in itertools.product(DTYPES, COLUMNS, DEPTHS):
            x = SimpleNamespace(dtype=DTYPES[dtype], shape=(m, k), device=device)
            ours, why = ipex_llm.use_batch_forward(family, name, dtype, m, n, k)
            assert ours == bool(batched(x, qtype, n)), (family, name, dtype, m, n, k, why)
            taken += ours
        rows = SimpleNamespace(
            device=device, numel=lambda m=m: m * 64, size=lambda _: 64, requires_grad=False
        )
        assert ipex_llm.fuses_mlp(family, name, m) == fused(rows, qtype, False), (family, name, m)
    assert taken > 1000


@pytest.mark.vendors
def test_the_numbers_of_the_formats_are_the_vendors(vendor_wheel):
    wheel = vendor_wheel("ipex-llm==2.3.0b20251110")
    known = set(constants(wheel).values())
    assert set(ipex_llm.qtypes().values()) <= known


@pytest.mark.parametrize(
    ("card", "name", "m", "function"),
    [
        ("arc-a770", "sym_int4", 1, "xe_linear.forward_new"),
        ("arc-a770", "fp8_e5m2", 1, "xe_linear.forward_new"),
        ("arc-a770", "fp8_e4m3", 1, "xe_batch.batch_forward"),
        ("arc-a770", "sym_int8", 1, "xe_batch.batch_forward"),
        ("arc-a770", "sym_int4", 2, "xe_batch.batch_forward"),
        ("arc-a770", "sym_int4", 64, "xe_batch.batch_forward"),
        ("arc-a770", "sym_int4", 65, "xe_linear.forward_new"),
        ("arc-b580", "sym_int4", 1, "xe_batch.batch_forward"),
        ("arc-pro-b70", "sym_int4", 1, "xe_linear.forward_new"),
        ("arc-a770", "torch_fp8_e5m2", 1, "xe_linear.run_linear_fp8"),
    ],
)
def test_what_runs_for_the_gate_and_up_of_qwq_32b(card, name, m, function):
    chosen = ipex_llm.choose(ipex_llm.family(card), name, "fp16", m, 55296, 5120)
    assert chosen.function == function
    assert chosen.rule


def test_the_variable_chooses_within_batch_forward_only():
    def pick(m, k, forced):
        return ipex_llm.choose("bmg", "sym_int4", "fp16", m, 5120, k, forced=forced)

    assert pick(1, 5120, False).inside == "batch_forward_common"
    assert pick(1, 5120, True).inside == "batch_forward_new"
    assert pick(16, 5120, False).inside == "batch_forward_new"
    assert pick(16, 5248, False).inside == "batch_forward_common"
    for m in (1, 8, 48):
        assert pick(m, 5120, True).function == pick(m, 5120, False).function
    arc = ipex_llm.choose("arc", "sym_int4", "fp16", 1, 5120, 5120, forced=True)
    assert arc.function == "xe_linear.forward_new"
    assert arc.inside == ""


def test_fp32_is_halved_for_several_rows_only():
    def converts(m):
        return ipex_llm.choose("arc", "q4_k", "fp32", m, 33, 5120).converts

    assert converts(1) == ""
    assert "fp16" in converts(2)


def test_every_intel_card_has_a_family_and_no_other():
    intel = {key for key, card in all_hardware().items() if card.title.startswith("Intel")}
    for key in intel:
        assert ipex_llm.family(key) in FAMILIES
    with pytest.raises(UserError, match="Intel GPUs only"):
        ipex_llm.family("h200")
    with pytest.raises(UserError, match="no low-bit format"):
        ipex_llm.choose("arc", "bf16", "fp16", 1, 1, 64)
