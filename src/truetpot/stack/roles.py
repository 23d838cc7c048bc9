"""Roles by name: rules as data, roles.toml. What needs a position gets a class here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import numpy as np

from truetpot.records.stack import Role

GEMM, REDUCTION, ELEMENTWISE, FILL = "gemm", "gemm_reduction", "elementwise", "fill"
CLASSES = (GEMM, REDUCTION, ELEMENTWISE, FILL)
"""Of kernels that only their position gives a role."""


@dataclass(frozen=True)
class Rule:
    """One entry of ``roles.toml``: a pattern of names, and their role."""

    pattern: re.Pattern[str]
    role: str
    """A Role, or one of CLASSES."""
    seen: str
    source: tuple[str, ...]
    """Where its names were found: ``kind: what``, the kinds as roles.toml says."""
    phase: str = ""
    once: bool = False
    """Called once in a step."""


@cache
def rules() -> tuple[Rule, ...]:
    """All of roles.toml, in their order."""
    text = resources.files("truetpot.stack").joinpath("roles.toml").read_text(encoding="utf-8")
    found = []
    for entry in tomllib.loads(text)["rule"]:
        pattern = re.compile(entry.pop("match"))
        rule = Rule(pattern, source=tuple(entry.pop("source")), **entry)
        if rule.role not in CLASSES and rule.role not in {role.value for role in Role}:
            raise ValueError(f"roles.toml: {rule.role} is no role")
        found.append(rule)
    return tuple(found)


@lru_cache(maxsize=100_000)
def rule_of(name: str) -> Rule | None:
    """The first rule that matches; None for a kernel that no rule knows."""
    # what a kernel is stands at the front of its name; a mangled one can have many thousand letters
    short = name[:1000]
    return next((rule for rule in rules() if rule.pattern.search(short)), None)


def class_of(name: str) -> str:
    """A Role or one of CLASSES; ``unknown`` where no rule matches."""
    rule = rule_of(name)
    return Role.UNKNOWN if rule is None else rule.role


def called_once(names: Sequence[str]) -> np.ndarray:
    """Numbers of the names that are called once a step: a sampler, an embedding."""
    return np.array(
        [i for i, one in enumerate(names) if (rule := rule_of(one)) and rule.once], dtype=np.int64
    )
