"""torch's other products and attentions, where a CPU can say whether they are right."""

import pytest

from tests.prepared import check
from truetpot.ops import DECODE_ATTENTION, LINEAR, DecodeAttentionCase, LinearCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

CPU = choose_device("cpu")


def kernel(op, provider):
    REGISTRY.load_builtin()
    (found,) = REGISTRY.kernels(op.name, provider)
    return found


@pytest.mark.parametrize("dtype", ["bf16", "fp16", "fp32"])
def test_scaled_mm_is_exact_on_the_activations_that_it_rounds_and_never_called_equal(dtype):
    case = LinearCase(dtype, 1, 512, 2048, "fp8_e5m2", bias=True)
    found = check(kernel(LINEAR, "torch_scaled_mm")(case, CPU), case)
    assert found.ok
    assert found.coarse
    assert 0.015 < found.error < 0.04  # e4m3: uniform within half of 1/8 to 1/16


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize(
    ("context", "ragged", "tokens"), [(17, False, 1), (77, True, 1), (17, False, 4), (77, True, 8)]
)
def test_flex_attention_as_it_is_before_it_is_compiled(monkeypatch, context, ragged, tokens):
    flex = kernel(DECODE_ATTENTION, "torch_flex")
    monkeypatch.setattr("torch.compile", lambda function, **options: function)
    shape = (3, 4, 2, 64, context, "fp32", None, ragged)
    case = DecodeAttentionCase("fp32", *shape, query_tokens=tokens)
    assert flex.refuses(case, CPU) is None
    found = check(flex(case, CPU), case)
    assert found.ok, found.reason


def test_flex_attention_refuses_pages_and_other_caches():
    flex = kernel(DECODE_ATTENTION, "torch_flex")
    paged = DecodeAttentionCase("bf16", 1, 4, 2, 64, 16, "bf16", page=16)
    fp8 = DecodeAttentionCase("bf16", 1, 4, 2, 64, 16, "fp8_e5m2")
    assert "paged" in flex.refuses(paged, CPU)
    assert "fp8_e5m2" in flex.refuses(fp8, CPU)
