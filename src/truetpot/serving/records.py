"""What a serving benchmark wrote, in one form for every tool.

A file holds one or more runs. A run always has what the tool printed (:class:`Figure`, in seconds)
and its totals; it has one row a request only if the file does. Columns are plain arrays, so that
tens of millions of gaps take eight bytes each. What a file does not say is NaN, -1 or None: a
reader never computes a value that the tool did not write, except where a docstring here says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from truetpot.records.verdicts import Counting, Metric

__all__ = [
    "UNKNOWN",
    "Counting",
    "Definition",
    "Drafts",
    "Figure",
    "Floats",
    "Gaps",
    "Ints",
    "Metric",
    "Requests",
    "Run",
    "Setting",
    "Totals",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
UNKNOWN = -1
"""Of a count."""


@dataclass(frozen=True)
class Definition:
    """What a tool's figure really is. From ``tools/<tool>.toml``."""

    metric: Metric
    name: str
    """As the tool calls it: ``Mean TPOT (ms)``."""
    canonical: str
    """Key of ``metrics/definitions.toml`` whose formula this is; "" where it is none of them."""
    formula: str
    """In the tool's own quantities."""
    counting: Counting
    """Which count of output tokens it divides by."""
    ends: str
    """What the interval ends with: ``last token``, ``[DONE]``, ``last chunk``."""
    aggregate: str
    """``per request``, ``token-weighted`` or ``pooled over chunks``."""
    source: str
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """One reported number. ``value`` is in seconds, NaN if the file has NaN or null."""

    metric: Metric
    statistic: str
    """``mean``, ``median``, ``std``, ``min``, ``max``, ``p99``, ``p99.9``, ..."""
    value: float
    key: str
    """Where in the file: ``mean_tpot_ms``."""
    unit: str
    """The file's: ``s``, ``ms``, ``us`` or ``ns``."""


@dataclass(frozen=True)
class Totals:
    """Sums over the run as the tool wrote them; None where it did not."""

    duration_s: float | None = None
    attempted: int | None = None
    completed: int | None = None
    failed: int | None = None
    input_tokens: int | None = None
    output_tokens: Mapping[Counting, int] = field(default_factory=dict)
    requests_per_s: float | None = None
    output_tokens_per_s: float | None = None
    total_tokens_per_s: float | None = None
    peak_output_tokens_per_s: float | None = None
    tokens_a_message: float | None = None
    """Output tokens of a streamed message after the first one, mean, as the tool counted them."""
    low_lengths: Mapping[float, float] = field(default_factory=dict)
    """Output tokens by the share of requests that have no more, up to one half; 0 is the least."""
    mean_concurrency: float | None = None
    """Measured by the tool, not the limit that was set."""
    cached_tokens: int | None = None
    """Of ``input_tokens``, found in the server's cache."""
    idle_share: float | None = None
    """Of the duration, the time in which no request was under way, at least."""


@dataclass(frozen=True)
class Setting:
    """What the run was asked to do; None where the file does not say."""

    model: str | None = None
    tokenizer: str | None = None
    date: str | None = None
    request_rate: float | None = None
    """Requests a second; ``inf`` where all were sent at once."""
    max_concurrency: int | None = None
    batch: int | None = None
    """Sequences decoded together, where the tool drives the engine itself."""
    input_tokens: int | None = None
    """A request's prompt, as asked for."""
    output_tokens: int | None = None
    """A request's output, as asked for."""
    input_range: tuple[int, int] | None = None
    output_range: tuple[int, int] | None = None
    """Least and most of what requests asked for, where the lengths were drawn between the two; 1
    where the file does not say the least."""
    ignore_eos: bool | None = None
    streaming: bool | None = None
    tokens_per_step: float | None = None
    """Mean accepted length of speculative decoding; 1 without."""
    weight_format: str | None = None
    """As the file calls it."""
    model_bytes: int | None = None
    """Of the weights, where the tool knows."""
    tool_version: str | None = None
    """As the tool writes it: ``0.3.1``, ``build 4321``."""
    device: str | None = None
    """The card, as the file calls it."""
    devices: int | None = None
    """Cards that the model is spread over."""
    kv_format: str | None = None
    """Of the cache, as the file calls it."""
    depth: int | None = None
    """Tokens in the cache before the first one that was timed, where no prompt is counted."""
    tokens_per_chunk: int | None = None
    """The server's streaming interval: tokens that one message holds. The first token comes alone,
    the last message holds what is left: vLLM vllm/v1/engine/output_processor.py
    make_request_output; SGLang python/sglang/srt/managers, ``len(output_ids) % interval == 1``."""
    range_ratio: float | None = None
    """By how much the client varies the lengths, as the tool defines it in that version."""


@dataclass(frozen=True)
class Drafts:
    """Draft tokens of speculative decoding, as the tool counted them; None where it did not."""

    key: str
    """Where in the file."""
    steps: int | None = None
    """Those that verified a draft."""
    drafted: int | None = None
    accepted: int | None = None
    rate: float | None = None
    """Accepted of the drafted ones, 0 to 1."""
    by_position: tuple[float, ...] = ()
    """Share of these steps that accepted the draft token at each position, the first first."""

    @property
    def tokens_per_step(self) -> float | None:
        """Of a step that verified a draft: its own token and the accepted ones."""
        if self.by_position:
            return 1 + sum(self.by_position)
        if self.steps and self.accepted is not None:
            return 1 + self.accepted / self.steps
        return None


_BLOCK = 1 << 20
"""Gaps looked at together, of which there may be gigabytes."""


@dataclass(frozen=True)
class Gaps:
    """Times between consecutive streamed chunks of every request, one array for all."""

    seconds: Floats
    """[gaps]"""
    offsets: Ints
    """[requests + 1]: request i has ``seconds[offsets[i]:offsets[i + 1]]``."""

    def counts(self) -> Ints:
        """Gaps of each request [requests]."""
        return np.diff(self.offsets)

    def numbers(self) -> Ints:
        """Gaps of each request that are not NaN [requests]."""
        found = self.counts()
        for start in range(0, len(self.seconds), _BLOCK):
            missing = start + np.flatnonzero(np.isnan(self.seconds[start : start + _BLOCK]))
            np.subtract.at(found, np.searchsorted(self.offsets, missing, "right") - 1, 1)
        return found


@dataclass(frozen=True)
class Requests:
    """One row a request, in the file's order. Arrays are [requests]."""

    prompt_tokens: Ints
    output_tokens: Mapping[Counting, Ints]
    """Every count that the file has."""
    counting: Counting
    """The one that the tool divides by: a key of ``output_tokens``."""
    ttft_s: Floats
    """From sending to the first chunk."""
    latency_s: Floats
    """From sending to the end; where ``latency_from_gaps``, ``ttft + sum(gaps)`` by the reader."""
    latency_from_gaps: bool
    ok: NDArray[np.bool_]
    """False for a request that failed."""
    start_s: Floats | None = None
    """Since any fixed instant."""
    began_s: float | None = None
    """When the run's duration began, by the same clock."""
    gaps: Gaps | None = None
    gap_unit_is_token: bool = False
    """True where the tool divides a chunk's gap by its tokens before it writes it."""
    text_chars: Ints | None = None
    """Visible characters of the output."""
    blank_chars: Ints | None = None
    """White space among them."""
    finish_reasons: tuple[str, ...] | None = None
    errors: Mapping[str, int] = field(default_factory=dict)
    """Message and how often, the first hundred distinct ones."""
    queue_s: Floats | None = None
    """Waiting for one of the client's own places, before sending."""
    cached_tokens: Ints | None = None
    """Of the prompt, found in the server's cache and not processed; None where no row says so."""
    first_tokens: Ints | None = None
    """Tokens that the first message held; -1 unknown."""
    first_share: Floats | None = None
    """Of the characters of the output, those of the first message; NaN unknown."""
    silent: Ints | None = None
    """Messages without text between the first and the last with text; ``output_tokens`` by
    ``chunks`` has only those with text, and so have the gaps."""

    def __len__(self) -> int:
        return len(self.ttft_s)

    @property
    def tokens(self) -> Ints:
        """Output tokens as the tool counts them."""
        return self.output_tokens[self.counting]


@dataclass(frozen=True)
class Run:
    """One run of one tool."""

    tool: str
    """``vllm``, ``sglang``, ``genai-perf``, ``aiperf``, ``guidellm``, ``inference-perf``,
    ``mlperf-loadgen``, ``llama-bench``, ``llama-server``, ``llama-cli``, ``llama-benchy``,
    ``ollama``, ``ipex-llm-all-in-one``, ``ipex-llm-online``, ``inference-benchmarker``,
    ``llmperf``, ``openvino-llm-bench``, ``inferencex``, ``trtllm-bench``, ``evalscope``."""
    variant: str
    """Which of the tool's formats or ages: ``save-result``, ``printed table``, ``<= 0.6.6``."""
    place: str
    """Where in the file, if it has several: ``line 3``, ``benchmarks[1]``; else ""."""
    definitions: Mapping[Metric, Definition]
    figures: tuple[Figure, ...]
    totals: Totals
    setting: Setting
    requests: Requests | None = None
    drafts: Drafts | None = None
    notes: tuple[str, ...] = ()
    """What the reader had to decide, in sentences for people."""

    def figure(self, metric: Metric, statistic: str) -> float | None:
        """A reported value in seconds, None if the file has none."""
        for figure in self.figures:
            if figure.metric is metric and figure.statistic == statistic:
                return figure.value
        return None
