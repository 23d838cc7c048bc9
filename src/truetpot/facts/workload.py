"""What is run: the point at which a step, a kernel or a bound is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A decode step of a model, but for the model.

    `context` tokens of each of `batch` sequences are in the KV cache when the step starts, and
    attention reads those and the new ones: `query_tokens` of each sequence, one in a plain step,
    the drafted tokens and the one before them in a step that verifies a draft. `page` None is a
    contiguous cache, else tokens a page. `format` is of the weights, `dtype` of the activations.
    `lm_head_format` None is as `format`.

    `layers` is how many layers are run, None for all. With `tp` > 1 it is one rank's step; the rows
    of lm_head are rounded up to a multiple of `tp`. With `collectives` the ranks put their partial
    sums and their best logits together; without, what o and down leave stays a partial sum, and the
    next token is the best of the rank's own part of the vocabulary.
    """

    context: int
    format: str
    kv_format: str = "fp16"
    dtype: str = "fp16"
    batch: int = 1
    query_tokens: int = 1
    tp: int = 1
    page: int | None = None
    layers: int | None = None
    lm_head_format: str | None = None
    collectives: bool = False

    @property
    def rows(self) -> int:
        """Rows of every linear: the query tokens of all sequences, side by side by sequence."""
        return self.batch * self.query_tokens

    def tokens(self) -> int:
        """Tokens of a sequence that attention reads: the context and the new ones."""
        return self.context + self.query_tokens

    def capacity(self) -> int:
        """Token slots a sequence has in the cache: `tokens`, in whole pages."""
        page = self.page or 1
        return -(-self.tokens() // page) * page
