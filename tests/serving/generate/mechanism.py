"""A mechanism: what it changes, and which shapes of files can show it at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.serving.generate.served import Scenario, Served


@dataclass(frozen=True)
class Mechanism:
    """One way in which a file comes to say something else than how long a step takes."""

    name: str
    shapes: tuple[str, ...]
    """Of which tools' files; of another, the file would be as without it."""
    ask: Callable[[Scenario, np.random.Generator], Scenario] = lambda asked, random: asked
    """Change what is asked for, before the run."""
    apply: Callable[[Served, np.random.Generator], Served] = lambda served, random: served
    """Change what reaches the client, or what the client does with it."""
