"""What the layers of a Hugging Face config are: windows of attention, and experts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from truetpot.errors import UserError
from truetpot.facts.architecture import Experts

Refusal = Callable[[str, object, str], UserError]
"""``(field, value, what is supported)``"""


class Layers(Protocol):
    """The keys of a config that say it."""

    num_hidden_layers: int
    use_sliding_window: bool | None
    sliding_window: object
    sliding_window_pattern: int | str | None
    max_window_layers: int | None
    layer_types: list[str] | None
    windows: str
    num_experts: int | None
    num_local_experts: int | None
    num_experts_per_tok: int | None
    decoder_sparse_step: int | None
    mlp_only_layers: list[int] | None
    shared_expert_intermediate_size: int | None
    n_shared_experts: int | None


def windows(config: Layers, refusal: Refusal) -> tuple[int | None, int]:
    """(tokens of the window, layers that have it); (None, 0) where every layer attends to all.

    Raises UserError for layers of another kind, such as linear attention.
    """
    windowed = _windowed(config, refusal)
    if not windowed:
        return None, 0
    window = config.sliding_window
    if type(window) is not int or not 1 <= window < 1 << 31:
        raise refusal("sliding_window", window, "it must be a whole number above zero")
    return window, windowed


def _windowed(config: Layers, refusal: Refusal) -> int:
    layers, types, layout = config.num_hidden_layers, config.layer_types, config.windows
    only_full = layout in ("none", "switched")
    if types is not None:
        known = ("full_attention",) if only_full else ("full_attention", "sliding_attention")
        if other := [kind for kind in types if kind not in known]:
            raise refusal("layer_types", other[0], f"only {' and '.join(known)} layers are")
        if len(types) != layers:
            words = f"it must name the {layers} layers"
            raise refusal("layer_types", f"{len(types)} values", words)
        return types.count("sliding_attention")
    if layout == "none" or config.sliding_window is None:
        return 0
    if layout == "switched":
        if config.use_sliding_window and layers > (config.max_window_layers or 0):
            raise refusal("use_sliding_window", True, "only full attention is")
        return 0
    if layout == "all":
        return layers
    pattern = 2 if layout == "alternate" else config.sliding_window_pattern
    if type(pattern) is not int or pattern < 1:
        raise refusal("sliding_window_pattern", pattern, "it must be a whole number above zero")
    return layers - layers // pattern


def experts(config: Layers, refusal: Refusal, *, bias: bool) -> Experts | None:
    """Of a mixture of experts in every layer; None for a dense model.

    Raises UserError for layers without experts between the others, and for experts that every token
    goes through, which are not modelled.
    """
    count = config.num_experts or config.num_local_experts
    if count is None:
        return None
    used = config.num_experts_per_tok
    if used is None or not 1 <= used <= count:
        raise refusal("num_experts_per_tok", used, f"it must be 1 to the {count} experts")
    if config.decoder_sparse_step not in (None, 1):
        words = "only experts in every layer are"
        raise refusal("decoder_sparse_step", config.decoder_sparse_step, words)
    if config.mlp_only_layers:
        raise refusal("mlp_only_layers", config.mlp_only_layers, "only experts in every layer are")
    for field in ("shared_expert_intermediate_size", "n_shared_experts"):
        if value := getattr(config, field):
            raise refusal(field, value, "shared experts are not modelled")
    return Experts(count, used, bias)
