"""Words of a trace: what a kernel is for, what a step does, what is wrong with a trace."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a kernel is for in a step of the model."""

    QKV = "qkv"
    O = "o"  # noqa: E741
    """The projection after attention."""
    GATE_UP = "gate_up"
    DOWN = "down"
    LM_HEAD = "lm_head"
    GEMM = "gemm"
    """A matrix product whose place in the step is not known."""
    ATTENTION = "attention"
    """With linear attention, its convolution and its state."""
    ATTENTION_REDUCTION = "attention_reduction"
    """Puts the parts of attention together."""
    NORM = "norm"
    """With the additions of the residual."""
    ROPE_CACHE = "rope_cache"
    """The rotary embedding, and writing the cache."""
    ACTIVATION = "activation"
    QUANTISE = "quantise"
    """Of activations, before a product."""
    EMBEDDING = "embedding"
    SAMPLING = "sampling"
    COLLECTIVE = "collective"
    COPY = "copy"
    """And filling, of memory."""
    OTHER = "other"
    """Known by its name, and none of these; or an elementwise kernel without a place."""
    UNKNOWN = "unknown"
    """No rule knows its name."""


class PlacedBy(StrEnum):
    """How a kernel's role was found."""

    NAME = "name"
    SHAPE = "shape"
    """By the dimensions of the product, as the model has them."""
    PLACE = "place"
    """By what comes before and after it in the step."""
    TIME = "time"
    """By its time beside what reading a role's weights takes at least."""
    NOTHING = ""


class StepPhase(StrEnum):
    """What a step of a trace does."""

    DECODE = "decode"
    PREFILL = "prefill"
    """It computes the tokens of a prompt, alone or beside decoding."""
    OTHER = "other"
    """Neither can be told: far longer than the steps that repeat."""
