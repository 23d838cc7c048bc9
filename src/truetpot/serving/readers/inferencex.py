"""``agg_*.json`` of InferenceX (InferenceMAX until 2026), one result or a list of them.

``utils/process_result.py`` of SemiAnalysisAI/InferenceX at 77f3e68 takes the result of a copy of
vLLM's client, turns every ``..._ms`` into seconds under a key without the unit, and divides the
throughputs by the cards. Durations are not taken over. Rows of late 2026 have counts of requests
(``packages/db/src/etl/fixtures/power-processor/valid-power.json`` of SemiAnalysisAI/InferenceX-app
at 250052d) and cards (``packages/db/src/lib/fixtures/measurement-receipt/`` at 481a862).
"""

from __future__ import annotations

import re
from itertools import islice

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import STATISTIC, figure
from truetpot.serving.readers.rows import objects
from truetpot.serving.records import Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "inferencex"
_METRICS = {"ttft": Metric.TTFT, "tpot": Metric.TPOT, "itl": Metric.ITL, "e2el": Metric.E2E}
_KEY = re.compile(rf"({STATISTIC})_({'|'.join(_METRICS)})")
_LENGTHS = (
    "The lengths are the upper ends of what the client draws: prompts and outputs may be shorter."
)


def _is_result(node: Node) -> bool:
    keys = node.members
    return {"hw", "conc", "framework", "precision"} <= keys.keys() and any(
        map(_KEY.fullmatch, keys)
    )


def _recognises(first: Node) -> bool:
    some = next(islice(first.elements(), 1), None) if first.kind == "list" else first
    return some is not None and _is_result(some)


def _read(document: Document) -> list[Run]:
    nodes = list(objects(document))
    return [_run(node, node.where if len(nodes) > 1 else "") for node in nodes]


def _run(node: Node, place: str) -> Run:
    """Throughputs of the run are those a card times the cards that the file divides by."""
    if not _is_result(node):
        raise node.error("is no result of InferenceX, though the first one is")
    all_cards, decoding = _cards(node)
    per_card = node.number("tput_per_gpu"), node.number("output_tput_per_gpu")
    notes = [_LENGTHS] if "osl" in node.members else []
    speculation = settings.text(node, "spec_decoding", "mtp")
    if speculation and speculation.lower() not in ("none", "off", "false"):
        notes.append(
            f"Speculative decoding ({speculation[:40]}): several tokens may come per step; the "
            "file does not say how many."
        )
    return Run(
        tool=_TOOL,
        variant=f"agg, {(settings.text(node, 'framework') or 'framework unknown')[:40]}",
        place=place,
        definitions=definitions(_TOOL),
        figures=tuple(
            figure(_METRICS[match[2]], match[1], node.number(match[0]), match[0], "s")
            for match in map(_KEY.fullmatch, node.members)
            if match
        ),
        totals=Totals(
            attempted=node.count("benchmark_outcome", "requested"),
            completed=node.count("benchmark_outcome", "completed"),
            failed=node.count("benchmark_outcome", "failed"),
            total_tokens_per_s=_product(per_card[0], all_cards),
            output_tokens_per_s=_product(per_card[1], decoding),
        ),
        setting=Setting(
            model=settings.text(node, "model"),
            max_concurrency=settings.count(node, "conc"),
            input_range=_drawn(settings.count(node, "isl")),
            output_range=_drawn(settings.count(node, "osl")),
            weight_format=settings.text(node, "precision"),
            device=settings.text(node, "hw"),
            devices=decoding,
        ),
        notes=tuple(notes),
    )


def _drawn(most: int | None) -> tuple[int, int] | None:
    """The client draws from a share of the length up to it, and the file does not name the share
    (``utils/bench_serving/benchmark_serving.py`` sample_random_requests)."""
    return None if most is None else (1, most)


def _cards(node: Node) -> tuple[int | None, int | None]:
    """All of them, and those that decode: the same on one node.

    Pipeline or context parallelism leaves open what a throughput "per card" was divided by, unless
    the row has the number of cards.
    """
    prefill, decode = (settings.count(node, f"num_{part}_gpu") for part in ("prefill", "decode"))
    if prefill and decode:
        return prefill + decode, decode
    cards = settings.count(node, "num_gpus")
    if cards is None and all(settings.count(node, key) in (None, 1) for key in ("pp", "pcp_size")):
        cards = settings.count(node, "tp")
    return cards, cards


def _product(rate: float | None, cards: int | None) -> float | None:
    return None if rate is None or cards is None else rate * cards


READERS = (JsonReader("InferenceX agg_*.json", _recognises, _read),)
