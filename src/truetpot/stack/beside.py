"""What stands beside the times of a trace: a yardstick at its layers and its tokens a step."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.stack.yardstick import Yardstick


@dataclass(frozen=True)
class Beside:
    """Times of a yardstick in the unit of a trace's own: ms a token.

    A step's times are divided by ``tokens``, those that a step yields to each sequence. Nothing
    stands beside a trace without a yardstick, or with ``layers`` 0: their number is not known.
    """

    yardstick: Yardstick | None
    layers: int
    tokens: float

    def floors_ms(self) -> dict[str, float]:
        """Least time by role, at the rates of the datasheet."""
        return {} if self._known is None else self._a_token(self._known.floors_ms(self.layers))

    def ceilings_ms(self) -> dict[str, float]:
        """Least time by role, at the best rates that a record found on the card."""
        return {} if self._known is None else self._a_token(self._known.ceilings_ms(self.layers))

    def ours_ms(self) -> dict[str, tuple[float, str]]:
        """Times of truetpot's kernels by role, and their roles in the record."""
        if self._known is None:
            return {}
        ours = self._known.ours_s(self.layers)
        return {role: (s * 1e3 / self.tokens, names) for role, (s, names) in ours.items()}

    def computed_ms(self) -> dict[str, float]:
        """Least time by role of the operations alone; none where the card's rate is not known."""
        if self._known is None or (card := self._known.hardware) is None:
            return {}
        dtype, operations = self._known.dtype, self._known.operations_of(self.layers)
        return self._a_token(
            {role: card.compute_ms(n, dtype) or 0.0 for role, n in operations.items()}
        )

    @property
    def floor_ms(self) -> float | None:
        """Rung ``spec`` of these layers; None without a card."""
        if self._known is None or (card := self._known.hardware) is None:
            return None
        step = self._known.traffic(self.layers)
        return card.least_ms(step.bound, step.operations, self._known.dtype) / self.tokens

    @property
    def step_ms(self) -> float | None:
        """Rung ``step`` of the record; None where the trace has not all layers of the model."""
        if self._known is None or self._known.step_ms is None:
            return None
        whole = self.layers == self._known.model.layers
        return self._known.step_ms / self.tokens if whole else None

    @property
    def _known(self) -> Yardstick | None:
        return self.yardstick if self.layers else None

    def _a_token(self, found: dict[str, float]) -> dict[str, float]:
        return {role: ms / self.tokens for role, ms in found.items()}
