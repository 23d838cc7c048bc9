"""The client appends the time to the first token to the gaps as well (vLLM issue #7242)."""

from dataclasses import replace

from tests.serving.generate.mechanism import Mechanism

NAME = "ttft-among-gaps"

MECHANISM = Mechanism(
    NAME,
    ("vllm-0.6", "vllm-0.6-detailed", "vllm-0.6-table"),
    apply=lambda served, random: replace(served, clients_fault=frozenset({NAME})),
)
