"""Whatever a kernel raises, and wherever, is its own fault, and the others are measured."""

import asyncio
import signal
import threading

import pytest

from tests.measure.misbehaving import CASE, RULE, Graphs, measured, registered, silu_mul
from truetpot.errors import KernelError, UserError
from truetpot.measure.kernels import measure_kernels
from truetpot.measure.race import Entrant, race
from truetpot.ops import SILU_MUL
from truetpot.ops.guard import fault_line, guarded
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

CPU = choose_device("cpu")


class PanicError(BaseException):
    """As a Rust extension raises them."""


RAISED = [
    ValueError("no such tile\nsecond line"),
    SystemExit(0),
    SystemExit(),
    KeyboardInterrupt(),
    GeneratorExit(),
    StopIteration(),
    asyncio.CancelledError(),
    MemoryError(),
    RecursionError("too deep"),
    UserError("as the package itself would say it"),
    PanicError("index out of bounds"),
    BaseExceptionGroup("several", [ValueError("one")]),
]


def after(calls, error):
    """A call that is right so many times, then raises."""
    count = [0]

    def call(gate_up):
        count[0] += 1
        if count[0] > calls:
            raise error
        return silu_mul(gate_up)

    return call


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_a_kernel_that_raises_after_twenty_calls(error):
    bad, good = measured(after(20, error))
    assert (bad.status, good.status) == ("invalid", "ok")
    assert fault_line(error) in bad.reason
    assert "\n" not in bad.reason
    assert good.entrant.stats.count >= RULE.min_samples
    assert good.standing.itself
    assert bad.record(()).stop in ("fault", None)


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_a_kernel_that_raises_in_its_check(error):
    status = "skipped" if isinstance(error, UserError) else "wrong"  # it may lack memory
    bad, good = measured(after(1, error))
    assert (bad.status, good.status) == (status, "ok")
    assert (str(error) if status == "skipped" else fault_line(error)) in bad.reason


def raising(error):
    def method(*args, **kwargs):
        raise error

    return method


@pytest.mark.parametrize("error", [RuntimeError("no licence"), SystemExit(3), PanicError("x")])
@pytest.mark.parametrize("stage", ["__init__", "refuses", "configs", "note", "parameters"])
def test_a_kernel_that_raises_where_it_is_made(stage, error):
    method = raising(error)
    if stage in ("refuses", "configs", "note"):
        method = classmethod(method)
    if stage == "parameters":
        method = property(method)
    bad, good = measured(silu_mul, **{stage: method})
    assert (bad.status, good.status) == ("wrong", "ok")
    assert fault_line(error) in bad.reason
    assert bad.entrant is None


def test_a_kernel_that_knows_neither_case_nor_device():
    bad, good = measured(silu_mul, __init__=lambda self, case, device: None)
    assert (bad.status, good.status) == ("wrong", "ok")
    assert "AttributeError" in bad.reason


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_a_kernel_that_raises_while_it_is_captured(error):
    class Capturing(Graphs):
        def capture(self, calls):
            self.capturing = True
            try:
                return super().capture(calls)
            finally:
                self.capturing = False

    device = Capturing()

    def call(gate_up):
        if getattr(device, "capturing", False):
            raise error
        return silu_mul(gate_up)

    bad, good = measured(call, device)
    assert (bad.status, good.status) == ("invalid", "ok")
    assert bad.reason.startswith("in the warm-up, ")
    assert fault_line(error) in bad.reason


def test_the_second_call_of_a_lead_in():
    """Untimed calls before a sample are the kernel's all the same."""
    device, calls = choose_device("cpu"), []

    class LeadIn(Entrant):
        def lead_in(self, device):
            for _ in range(2):
                calls.append(self)
                if len(calls) == 4:
                    raise SystemExit
                self.calls[0]()

    bad, good = LeadIn("bad", [lambda: None]), Entrant("good", [lambda: None])
    assert race([bad, good], device, RULE)
    assert bad.fault == "SystemExit"
    assert len(bad.device_s) == len(bad.wall_s) == len(bad.enqueue_s) == 1
    assert (bad.stop, good.stop) == ("fault", "time")
    assert len(good.device_s) >= RULE.min_samples


def test_a_race_in_which_nobody_is_left_ends():
    one = Entrant("one", [lambda: 1 / 0])
    assert race([one], CPU, RULE)
    assert one.fault == "in the warm-up, ZeroDivisionError: division by zero"


def test_what_is_asked_whether_to_go_on_without_one():
    lost = []
    bad, good = Entrant("bad", [lambda: 1 / 0]), Entrant("good", [lambda: None])
    assert race([bad, good], CPU, RULE, go_on=lambda one: bool(lost.append(one)))
    assert lost == [bad]
    assert good.device_s == []


def interrupted_after(calls):
    count = [0]

    def call(gate_up):
        count[0] += 1
        if count[0] == calls:
            signal.raise_signal(signal.SIGINT)
        return silu_mul(gate_up)

    return call


def test_the_users_own_interrupt_is_no_fault():
    call = interrupted_after(30)
    with registered(__call__=lambda self, gate_up: call(gate_up)):
        results, finished = measure_kernels(SILU_MUL, CASE, ("planted", "torch"), CPU, None, RULE)
    assert not finished
    assert [result.status for result in results] == ["partial", "partial"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_is_mapped_to_an_interrupt_is_the_users_too():
    def ended(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, ended)
    try:
        with pytest.raises(KeyboardInterrupt), guarded():
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KernelError, match="KeyboardInterrupt"), guarded():
            raise KeyboardInterrupt
        assert signal.getsignal(signal.SIGTERM) is ended
    finally:
        signal.signal(signal.SIGTERM, before)


def test_in_another_thread_every_interrupt_passes():
    seen = []

    def work():
        try:
            with guarded():
                raise KeyboardInterrupt
        except BaseException as error:  # noqa: BLE001
            seen.append(type(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [KeyboardInterrupt]


class SilentError(Exception):
    def __str__(self):
        raise SystemExit


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (SilentError(), "SilentError"),
        (ValueError("\x1b[2J\rforged"), r"ValueError: \x1b[2J"),
        (ValueError("a\x9bb\u202ec"), r"ValueError: a\x9bb\u202ec"),
        (ValueError("\n\n first\nsecond"), "ValueError: first"),
        (ValueError("x" * 10_000), f"ValueError: {'x' * 397}..."),
        (KeyError(), "KeyError"),
    ],
)
def test_what_it_raised_is_one_line_whatever_it_says(error, line):
    with pytest.raises(KernelError) as caught, guarded():
        raise error
    assert str(caught.value) == line


def test_what_the_user_can_do_something_about_passes():
    with pytest.raises(UserError, match="no memory"), guarded("pack"):
        raise UserError("no memory")
    with pytest.raises(MemoryError), guarded("pack", passing=(MemoryError,)):
        raise MemoryError
    with pytest.raises(KernelError, match=r"^pack: OSError: no file$"), guarded("pack"):
        raise OSError("no file")


def test_a_kernel_that_cannot_answer_is_not_just_refused():
    with registered(refuses=classmethod(raising(SystemExit(0)))):
        found = REGISTRY.choose("silu_mul", CASE, CPU, "planted")
        assert (found.fault, found.reason) == (True, "refuses: SystemExit: 0")
        with pytest.raises(KernelError, match=r"planted silu_mul .*: refuses: SystemExit"):
            REGISTRY.build("silu_mul", "planted", CASE, CPU)
