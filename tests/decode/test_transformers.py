"""One token at a time through our step against transformers' forward over the whole sequence."""

import math

import pytest
import torch

from tests.decode.conftest import CONFIGS, OTHERS
from truetpot.formats import dequantise, quantise
from truetpot.ops.tolerance import relative_error, tolerance

PROVIDERS = ("torch", "numba")
OPENCL = pytest.param("opencl", marks=pytest.mark.opencl)
AGAIN = pytest.mark.exhaustive
"""numba compiles a step for seconds: a dtype's and a format's for one model, in fp32 for all."""


def step_tolerance(model, dtype):
    """Errors of a step's operators, each within its own tolerance, adding up in quadrature."""
    operators = 9 * model.layers + 3
    return math.sqrt(operators) * tolerance(model.intermediate, dtype)


@pytest.mark.parametrize("provider", [*PROVIDERS, OPENCL])
def test_fp32_logits(every_checkpoint, provider):
    saved = every_checkpoint
    tokens = saved.tokens()
    step = saved.step(provider)
    error = relative_error(step.feed(tokens), saved.logits(tokens))
    assert set(step.providers.values()) == {provider}
    assert error < step_tolerance(saved.model, "fp32") < 1e-4


@pytest.mark.parametrize("provider", PROVIDERS)
def test_fp32_logits_of_query_tokens(checkpoint, provider):
    """Each of the four, over a cache that steps of four before it have filled."""
    saved = checkpoint("qwen2")
    tokens = saved.tokens(12)
    step = saved.step(provider, context=8, query_tokens=4)
    error = relative_error(step.feed(tokens), saved.logits(tokens))
    assert set(step.providers.values()) == {provider}
    assert error < step_tolerance(saved.model, "fp32") < 1e-4


@pytest.mark.parametrize(
    ("name", "provider"),
    [*((name, "torch") for name in OTHERS), pytest.param("exaone4", "numba", marks=AGAIN)],
)
def test_fp32_logits_of_other_configs(checkpoint, name, provider):
    saved = checkpoint(name)
    tokens = saved.tokens()
    error = relative_error(saved.step((provider, "torch")).feed(tokens), saved.logits(tokens))
    assert error < step_tolerance(saved.model, "fp32") < 1e-4


def numba_once(first, *others):
    """(name, provider) of all models; with numba the others are repetition."""
    yield from ((name, "torch") for name in (first, *others))
    yield first, "numba"
    yield from (pytest.param(name, "numba", marks=AGAIN) for name in others)


@pytest.mark.parametrize(("name", "provider"), numba_once(*CONFIGS))
def test_bf16_logits(checkpoint, name, provider):
    half_precision_logits(checkpoint(name), "bf16", torch.bfloat16, provider)


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        *numba_once("qwen2", "qwen3"),
        *(pytest.param(name, "opencl", marks=pytest.mark.opencl) for name in ("qwen2", "qwen3")),
    ],
)
def test_fp16_logits(checkpoint, name, provider):
    half_precision_logits(checkpoint(name), "fp16", torch.float16, provider)


def half_precision_logits(saved, dtype, torch_dtype, provider):
    # Both round, and differently. So beside the distance from each other: ours from the truth
    # (float32, same weights) may be at most twice transformers' own.
    tokens = saved.tokens()
    truth, theirs = saved.logits(tokens), saved.logits(tokens, torch_dtype)
    ours = saved.step(provider, dtype=dtype).feed(tokens)
    assert relative_error(ours, theirs) < step_tolerance(saved.model, dtype)
    assert relative_error(ours, truth) < 2 * relative_error(theirs, truth)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("name", "weight_format", "dtype"),
    [
        ("qwen2", "sym_int4", "fp32"),
        ("qwen2", "sym_int4", "bf16"),
        ("qwen2", "fp8_e5m2", "bf16"),
        pytest.param("qwen3", "sym_int4", "fp32", marks=AGAIN),
    ],
)
def test_quantised_logits(checkpoint, name, weight_format, dtype, provider):
    quantised_logits(checkpoint(name), weight_format, dtype, provider)


@pytest.mark.parametrize(
    "weight_format", ["sym_int8", "fp8_e4m3", "asym_int4", "woq_int4", "nf4", "fp4", "fp6"]
)
def test_quantised_logits_where_torch_dequantises(checkpoint, weight_format):
    quantised_logits(checkpoint("qwen2"), weight_format, "fp32", "torch", 0.004)


@pytest.mark.opencl
@pytest.mark.parametrize("page", [None, 8])
@pytest.mark.parametrize("weight_format", ["sym_int4", "woq_int4", "fp8_e5m2", "sym_int8"])
def test_quantised_logits_in_fp16_on_opencl(checkpoint, weight_format, page):
    quantised_logits(checkpoint("qwen2"), weight_format, "fp16", "opencl", 0.02, page=page)


def quantised_logits(saved, weight_format, dtype, provider, shows=0.05, **shape):
    tokens = saved.tokens()
    with quantised_linears(saved.hf, weight_format):
        want = saved.logits(tokens)
    step = saved.step(provider, dtype=dtype, weight_format=weight_format, **shape)
    assert relative_error(step.feed(tokens), want) < step_tolerance(saved.model, dtype)
    # and the format shows: it is not the unquantised model that is compared
    assert relative_error(want, saved.logits(tokens)) > shows


class quantised_linears:  # noqa: N801
    """The model's linear weights replaced by what their quantised form stands for, for a while."""

    def __init__(self, hf, weight_format):
        self.format = weight_format
        self.linears = [m for m in hf.modules() if isinstance(m, torch.nn.Linear)]

    def __enter__(self):
        self.kept = [linear.weight.data for linear in self.linears]
        for linear in self.linears:
            rounded = dequantise(quantise(linear.weight.data.numpy(), self.format))
            linear.weight.data = torch.tensor(rounded, dtype=torch.float32)

    def __exit__(self, *_):
        for linear, weight in zip(self.linears, self.kept, strict=True):
            linear.weight.data = weight


@pytest.mark.parametrize("provider", ["torch", OPENCL])
def test_greedy_tokens(checkpoint, provider):
    saved = checkpoint("qwen2")
    step = saved.step(provider)
    prompt = saved.tokens(4)
    step.feed(prompt)
    made = []
    ids = step.state.values["next_ids"]
    for _ in range(6):
        made.append(int(step.device.download(ids)[0]))
        ids = step.step(ids)
    want = saved.hf.generate(
        torch.tensor(prompt)[None], max_new_tokens=6, do_sample=False, eos_token_id=None
    )
    assert made == want[0, 4:].tolist()
