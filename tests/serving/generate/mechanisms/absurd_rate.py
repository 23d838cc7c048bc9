"""The tokens a second that the tool writes are wrong by nine orders of magnitude."""

from dataclasses import replace

from tests.serving.generate.mechanism import Mechanism

NAME = "absurd-rate"

MECHANISM = Mechanism(
    NAME,
    ("vllm", "vllm-detailed", "vllm-table", "sglang", "sglang-details", "mlperf-loadgen"),
    apply=lambda served, random: replace(served, clients_fault=frozenset({NAME})),
)
