"""The client writes seconds under names that say milliseconds."""

from dataclasses import replace

from tests.serving.generate.mechanism import Mechanism

NAME = "seconds-for-ms"

MECHANISM = Mechanism(
    NAME,
    ("vllm", "vllm-e2el", "vllm-detailed", "vllm-table", "sglang", "sglang-details"),
    apply=lambda served, random: replace(served, clients_fault=frozenset({NAME})),
)
