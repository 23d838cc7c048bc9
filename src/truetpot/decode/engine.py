"""The decode step on a device: the program with every call bound to a kernel and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from truetpot.decode.packed import PackedWeights
from truetpot.decode.program import Call, Parameter
from truetpot.decode.selected import SelectedStep
from truetpot.decode.state import StepState
from truetpot.decode.weights import WeightSource
from truetpot.errors import UserError
from truetpot.ops import Case, Operator
from truetpot.ops.guard import blame, guarded, named, who
from truetpot.ops.registry import Kernel
from truetpot.runtime.memory import trim

Progress = Callable[[int, int], None]
"""Called with the canonical bytes of parameters made so far, and of all."""


@dataclass(frozen=True)
class Bound:
    """A call with its kernel: `fixed` are its parameters, `wired` the names of its values."""

    call: Call
    kernel: Kernel
    fixed: Mapping[str, Any]
    wired: Mapping[str, str]

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What the kernel is called with, the values taken from the environment."""
        args = {**self.fixed, **{name: values[value] for name, value in self.wired.items()}}
        for name in self.call.flatten:
            args[name] = args[name].reshape(args[name].shape[0], -1)
        return args

    def run(self, values: dict[str, Any]) -> None:
        """Launch, and put what it returns into the environment."""
        out = self.kernel(**self.arguments(values))
        names = self.call.outputs
        values.update(zip(names, out if len(names) > 1 else (out,), strict=True))


@dataclass(frozen=True)
class KernelUse:
    """One kernel object of the step, to be timed alone.

    Each of the `count` calls launches it with one layer's own parameters and the values of the last
    step, so going round them reads every layer's weights and cache from memory.
    """

    role: str
    op: Operator
    provider: str
    case: Case
    count: int
    calls: list[Callable[[], Any]]
    kernel: Kernel
    layered: bool
    """Whether it belongs to the layers, so that more layers mean more calls."""


class DecodeStep:
    """One rank's decode step on a device.

    `selected` is the program with the kernels that run it; `providers` tells whose, by role.
    Parameters are made, packed and dropped one by one; an interrupt passes through. `rank` says
    whose heads the cache holds; the weights know whose share they are. Steps of one model at other
    contexts and batches share their parameters through `packed`.

    The step starts at position ``shape.context`` over a cache of random keys and values. `bound`
    are its calls, `state.values` what they read and write. Raises KernelError where a kernel cannot
    be made or cannot pack a weight.
    """

    def __init__(
        self,
        selected: SelectedStep,
        weights: WeightSource,
        rank: int = 0,
        progress: Progress | None = None,
        packed: PackedWeights | None = None,
    ) -> None:
        self._packed = packed
        self.program, self.device, self.rank = selected.program, selected.device, rank
        model, shape, device = self.program.model, self.program.shape, self.device
        self.model, self.shape = model, shape
        # One kernel a role and case, all built before any weight: a refusal costs no time.
        self._kernels: dict[tuple[str, Case], Kernel] = {}
        for call in self.program.calls:
            if (call.role, call.case) not in self._kernels:
                self._kernels[call.role, call.case] = selected.build(call)
        self.providers = {role: kernel.provider for (role, _), kernel in self._kernels.items()}
        device.group.same(self.providers, "kernels")
        try:
            self.state = StepState(model, shape, device, rank)
            self.bound = tuple(self._bind(weights, progress))
            device.group.barrier()  # no rank's first collective may wait for another's weights
        except device.memory_errors:
            raise UserError(
                f"{device.name} has not enough memory for {model.name} at this shape; choose a "
                "smaller format or context, fewer layers, or a share (--shard 0/N)."
            ) from None

    def run(self, ids: Any = None) -> Any:
        """One step at the present position; returns the next ids int64 [rows], on the device.

        `ids` int64 [rows] on the device, the query tokens of a sequence side by side, by default
        the last ones given. The position stays, so running again does the same work on the same
        memory, as a captured graph would.
        """
        values = self.state.values
        if self.state.full:
            raise UserError(
                f"The cache of {self.shape.tokens()} tokens is full; make the step with a larger "
                "context, or seek back."
            )
        if ids is not None:
            values["ids"] = ids
        try:
            for bound in self.bound:
                bound.run(values)
        except BaseException as error:
            blame(error, bound.kernel)
            raise
        return values["next_ids"]

    def step(self, ids: Any) -> Any:
        """:meth:`run`, then go on to the next position, as if every query token were accepted."""
        next_ids = self.run(ids)
        self.state.seek(self.state.position + self.shape.query_tokens)
        return next_ids

    def feed(self, tokens: NDArray[np.integer[Any]] | Sequence[int]) -> NDArray[np.float32]:
        """Start from an empty cache and feed `tokens`: logits [T, vocab] float32.

        `tokens` is [T] for a batch of one; [T, batch] gives [T, batch, vocab]. A step takes
        `shape.query_tokens` of them.
        """
        given = np.asarray(tokens)
        batch, room, each = self.shape.batch, self.shape.tokens(), self.shape.query_tokens
        if given.size == 0 or given.dtype.kind not in "iu" or given[0].size != batch:
            raise UserError(
                f"Tokens of shape {list(given.shape)} ({given.dtype}) cannot feed a batch of "
                f"{batch}; give integers, at least one a sequence."
            )
        if len(given) % each:
            raise UserError(
                f"{len(given)} tokens are not whole steps of {each} query tokens; give a multiple."
            )
        if len(given) > room:
            raise UserError(
                f"{len(given)} tokens do not fit a cache of {room}; make the step with a context "
                f"of {len(given) - each}."
            )
        if given.min() < 0 or given.max() >= self.state.vocab:
            raise UserError(f"Token ids of this step are 0 to {self.state.vocab - 1}.")
        self.state.seek(0)
        logits = []
        for ids in given.reshape(-1, each, batch).astype(np.int64):
            self.step(self.device.upload(ids.transpose().reshape(-1)))
            logits.append(self.logits().reshape(batch, each, -1).swapaxes(0, 1))
        return np.concatenate(logits).reshape(*given.shape, -1)

    def logits(self) -> NDArray[np.float32]:
        """Of the last step, float32 [rows, vocab of this rank], on the host."""
        return self.device.download(self.state.values["logits"]).astype(np.float32)

    def calls_by_kernel(self) -> list[KernelUse]:
        """Every kernel of the step, in the order of its first use, with calls ready to be timed.

        Arguments are the values of the last step (one is run if there was none). A call that
        changes the residual changes it again at each launch; the next step starts from a fresh one.
        """
        values = self.state.values
        if "next_ids" not in values:
            self.run()
        groups: dict[Kernel, list[Bound]] = {}
        for bound in self.bound:
            groups.setdefault(bound.kernel, []).append(bound)
        return [
            KernelUse(
                role=group[0].call.role,
                op=group[0].call.op,
                provider=kernel.provider,
                case=group[0].call.case,
                count=len(group),
                calls=[partial(kernel, **bound.arguments(values)) for bound in group],
                kernel=kernel,
                layered=group[0].call.layer is not None,
            )
            for kernel, group in groups.items()
        ]

    def _bind(self, weights: WeightSource, progress: Progress | None) -> list[Bound]:
        """Make every call's parameters, in the order of the calls."""
        total = sum(call.op.model_bytes(call.case) for call in self.program.calls)
        done = 0
        bound = []
        for call in self.program.calls:
            kernel = self._kernels[call.role, call.case]
            values = {name: arg for name, arg in call.args.items() if isinstance(arg, str)}
            fixed = {
                name: arg if arg is None else self._parameter(arg, kernel, weights)
                for name, arg in call.args.items()
                if not isinstance(arg, str)
            }
            bound.append(Bound(call, kernel, fixed, values))
            if made := call.op.model_bytes(call.case):
                done += made
                trim()
                self.device.group.progress()
                if progress is not None:
                    progress(done, total)
        return bound

    def _parameter(self, ref: Parameter, kernel: Kernel, weights: WeightSource) -> Any:
        if ref.kind == "cache":
            return self.state.caches[ref]
        if self._packed is None:
            return self._made(ref, kernel, weights)
        return self._packed.of(ref, kernel, lambda: self._made(ref, kernel, weights))

    def _made(self, ref: Parameter, kernel: Kernel, weights: WeightSource) -> Any:
        if ref.kind == "weight":
            weight = weights.linear(ref.layer, ref.name)
            with guarded(f"{named(kernel)}: pack", who(kernel), self.device.memory_errors):
                return kernel.pack(weight)
        if ref.kind == "table":
            return self.device.upload(weights.embedding())
        return self.device.upload(weights.vector(ref.layer, ref.name))
