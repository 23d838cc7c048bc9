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
class Model:
    """A dense decoder-only transformer of the Qwen2, Qwen3 or Llama family (GQA, RoPE, SwiGLU).

    `intermediate` is the width of gate and of up (not of both), `qkv_bias` covers q, k and v,
    `qk_norm` is an RMSNorm over each head of q and k, `tied` means that lm_head is the embedding.
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

    def bias_elements(self) -> int:
        """Elements of all bias vectors of the model."""
        qkv = (self.q_rows + 2 * self.kv_rows) if self.qkv_bias else 0
        return self.layers * (qkv + (self.hidden if self.o_bias else 0))

    def norm_elements(self) -> int:
        """Elements of all RMSNorm weights: two a layer, q and k where they have one, the last."""
        per_layer = 2 * self.hidden + (2 * self.head_dim if self.qk_norm else 0)
        return self.layers * per_layer + self.hidden

    def parameters(self) -> int:
        """Parameters as Hugging Face counts them: `sum(p.numel())`, a tied lm_head once.

        QwQ-32B: 32,763,876,352.
        """
        attention = self.hidden * (self.q_rows + 2 * self.kv_rows) + self.q_rows * self.hidden
        layer = attention + 3 * self.hidden * self.intermediate
        tables = self.vocab * self.hidden * (1 if self.tied else 2)
        return self.layers * layer + tables + self.bias_elements() + self.norm_elements()
