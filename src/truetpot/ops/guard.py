"""One guard around kernels, which may be anyone's: whatever they raise is their fault, in one line.

Only two things pass: what the user did himself (an interrupt), and what he can do something about
(a UserError, such as too little memory).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from truetpot.errors import KernelError, UserError
from truetpot.ops.foreign import describe
from truetpot.ops.kernel import Kernel
from truetpot.ops.operator import Case
from truetpot.runtime.running import SIGNALS, encoded, position

Config = Mapping[str, Any]
NONE: Config = {}
_BUILT_IN = "truetpot.kernels."
_BLAMED = "kernel: "
"""What a note begins with that names the kernel in which an exception was raised."""


@contextmanager
def guarded(
    doing: str = "", who: str = "", passing: tuple[type[BaseException], ...] = ()
) -> Iterator[None]:
    """Around a kernel's own code. Raises KernelError for whatever it raises, SystemExit too.

    ``doing`` stands before the reason. ``who`` is the kernel's name where it is not one of ours
    (:func:`who`): a supervisor is told that it runs, and one that ended the process before is not
    called again. What is ``passing`` is raised as it is.
    """
    here = position() if who else None
    before = b""
    if here is not None:
        if reason := here.refused(who):
            raise KernelError(reason)
        before = here.enter(encoded(who))
    try:
        with told_interrupts() as interrupted:
            try:
                yield
            except BaseException as error:
                if isinstance(error, (UserError, KernelError, *passing)):
                    raise
                if isinstance(error, KeyboardInterrupt) and interrupted():
                    raise
                said = fault_line(error)
                raise KernelError(f"{doing}: {said}" if doing else said) from error
    finally:
        if here is not None:
            here.leave(before)


@contextmanager
def told_interrupts() -> Iterator[Callable[[], bool]]:
    """Within it, an interrupt of the user's can be told from one that a kernel raises itself.

    Gives a function: whether a signal has come. In another thread than the first, which gets no
    signals, every interrupt counts as the user's.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: True
        return
    came: list[int] = []
    before: dict[int, Any] = {}
    for number in SIGNALS:
        handler = signal.getsignal(number)
        if callable(handler):
            before[number] = handler
            signal.signal(number, _noting(came, handler))
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _noting(
    came: list[int], handler: Callable[[int, FrameType | None], Any]
) -> Callable[[int, FrameType | None], Any]:
    def note(number: int, frame: FrameType | None) -> Any:
        came.append(number)
        return handler(number, frame)

    return note


def fault_line(error: BaseException) -> str:
    """What was raised, in one line, and the kernel that :func:`blame` named."""
    where = [note for note in getattr(error, "__notes__", ()) if str(note).startswith(_BLAMED)]
    whole = describe(error)
    return f"{whole}, in {where[0].removeprefix(_BLAMED)}" if where else whole


def blame(error: BaseException, kernel: Kernel) -> None:
    """Say in which kernel of several an exception was raised."""
    error.add_note(f"{_BLAMED}{named(kernel)}")


def named(kernel: Kernel | type[Kernel], case: Any = None) -> str:
    """Provider, operator and case; the case is given for a class, and an object's own else."""
    case = getattr(kernel, "case", case)
    label = f" ({case.label()})" if isinstance(case, Case) else ""
    return f"{getattr(kernel, 'provider', type(kernel).__name__)} {kernel.op.name}{label}"


def foreign(kernel: Kernel | type[Kernel]) -> bool:
    """Whether a kernel is not one of the package's own."""
    return not kernel.__module__.startswith(_BUILT_IN)


def who(kernel: Kernel | type[Kernel], case: Any = None, config: Config = NONE) -> str:
    """A name for a supervisor that is the same in every process; empty for ours, and without one.

    A kernel object has its own case and launch parameters; a class is given them.
    """
    if position() is None or not foreign(kernel):
        return ""
    config = getattr(kernel, "given", config)
    if not config:
        return named(kernel, case)
    return f"{named(kernel, case)} with {', '.join(f'{k}={v}' for k, v in config.items())}"


def still_there(kernel: Kernel, reason: str) -> None:
    """After a fault: a kernel may take the device along, and nothing can be timed on it any more.

    Where a supervisor can start a new process, this one is given up for it, and the kernel blamed.
    """
    here = position()
    if here is None or not foreign(kernel):
        return
    try:
        kernel.device.synchronize()
    except Exception as error:  # noqa: BLE001
        here.enter(encoded(who(kernel)))
        here.give_up(f"{reason}; {kernel.device.name} no longer answered ({fault_line(error)})")
