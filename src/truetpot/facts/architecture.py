"""The shape of a decoder: what of a Hugging Face config a decode step depends on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RopeScaling:
    """How rotary frequencies are stretched; the numbers are the config's own.

    `kind` is "linear" (uses `factor`), "llama3" (`factor`, `low_freq_factor`, `high_freq_factor`,
    `original_max_position`) or "yarn" (`factor`, `original_max_position`, `beta_fast`, `beta_slow`,
    `truncate`, and for the attention factor `attention_factor` or `mscale` with `mscale_all_dim`).
    """

    kind: str
    factor: float
    original_max_position: int | None = None
    low_freq_factor: float | None = None
    high_freq_factor: float | None = None
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = True
    attention_factor: float | None = None
    mscale: float | None = None
    mscale_all_dim: float | None = None


@dataclass(frozen=True)
class Experts:
    """The MLPs of a layer of a mixture of experts: a router gives each token to `used` of `count`.

    With `bias` the router and the three matrices of each expert have one.
    """

    count: int
    used: int
    bias: bool = False

    def distinct(self, batch: int) -> float:
        """Experts of a layer that a batch reads, on the average.

        An estimate, E (1 - (1 - k/E)^B): every token chooses k of E with equal chances and by
        itself. Real routers favour some experts, so a real batch may well read fewer.
        """
        return self.count * (1 - (1 - self.used / self.count) ** batch)


@dataclass(frozen=True)
class Model:
    """A decoder-only transformer with grouped-query attention, RoPE and a gated MLP.

    `intermediate` is the width of gate and of up (not of both), of one expert where there are
    `experts`. `qkv_bias` covers q, k and v, `qk_norm` is an RMSNorm over each head of q and k,
    `tied` means that lm_head is the embedding. `norms` counts the RMSNorms of a layer that are
    `hidden` wide. Attention of `windowed` layers reads the last `window` tokens only, the new one
    among them; `sinks` is one more logit a head.
    """

    name: str
    family: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    qkv_bias: bool
    o_bias: bool
    qk_norm: bool
    tied: bool
    rms_eps: float
    rope_theta: float
    max_position: int
    source: str
    rope_scaling: RopeScaling | None = None
    hf: str | None = None
    experts: Experts | None = None
    norms: int = 2
    window: int | None = None
    windowed: int = 0
    sinks: bool = False
    unmodelled: str = ""
    """What no kernel here has, though no byte depends on it; "" for nothing."""

    @property
    def group(self) -> int:
        """Query heads that share one key/value head."""
        return self.heads // self.kv_heads

    @property
    def q_rows(self) -> int:
        """Rows of the q projection: heads x head_dim (not always `hidden`: Qwen3-32B has 8192)."""
        return self.heads * self.head_dim

    @property
    def kv_rows(self) -> int:
        """Rows of the k projection, and of the v projection."""
        return self.kv_heads * self.head_dim

    @property
    def experts_used(self) -> int:
        """MLPs of a layer that one token goes through."""
        return self.experts.used if self.experts else 1

    def cached_tokens(self, context: int, layers: int | None = None) -> int:
        """Tokens that attention reads from the cache in one step, summed over the layers.

        `layers` counts only so many of them, with the windowed ones in proportion.
        """
        counted = self.layers if layers is None else layers
        windowed = self.windowed * counted // self.layers
        near = context if self.window is None else min(context, self.window - 1)
        return (counted - windowed) * context + windowed * near

    def bias_elements(self) -> int:
        """Elements of all bias vectors of the model, and of the attention sinks."""
        layer = (self.q_rows + 2 * self.kv_rows) if self.qkv_bias else 0
        layer += self.hidden if self.o_bias else 0
        layer += self.heads if self.sinks else 0
        if self.experts and self.experts.bias:
            layer += self.experts.count * (1 + 2 * self.intermediate + self.hidden)
        return self.layers * layer

    def norm_elements(self) -> int:
        """Elements of all RMSNorm weights: of the layers, of q and k there, and the last one."""
        per_layer = self.norms * self.hidden + (2 * self.head_dim if self.qk_norm else 0)
        return self.layers * per_layer + self.hidden

    def embedding_elements(self) -> int:
        """Elements of the embedding, which is lm_head as well where it is tied."""
        return self.vocab * self.hidden

    def parameters(self) -> int:
        """Parameters as Hugging Face counts them: `sum(p.numel())`, a tied lm_head once.

        QwQ-32B: 32,763,876,352.
        """
        layer = self.hidden * (self.q_rows + 2 * self.kv_rows) + self.q_rows * self.hidden
        mlps, router = (self.experts.count, self.experts.count) if self.experts else (1, 0)
        layer += mlps * 3 * self.hidden * self.intermediate + router * self.hidden
        tables = self.embedding_elements() * (1 if self.tied else 2)
        return self.layers * layer + tables + self.bias_elements() + self.norm_elements()
