"""Verdicts on the device that was chosen, and on what its kernels compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from truetpot.doctor.finding import Finding, bad, ok, warn
from truetpot.doctor.integrated import is_integrated
from truetpot.doctor.machine import Machine


def judge_device(
    name: str, identity: Mapping[str, Any], machine: Machine, busy: str | None = None
) -> Iterator[Finding]:
    """Is it the card that is meant, and is it free? `busy` says who else is at work."""
    if busy is not None:
        yield warn(
            "load",
            busy,
            "programs that share the processor and its memory slow a kernel down",
            "stop them, or compare within one run only",
        )
    cards = machine.discrete
    kind, address = str(identity["kind"]), identity.get("pci_address")
    title = f"{name} is {identity['name']}" + (f" at {address}" if address else "")
    usable = [card for card in cards if card.driver not in (None, "vfio-pci")]
    if kind == "cpu" and usable:
        yield bad(
            "device",
            f"{title}, and there is {usable[0].name}",
            "torch does not see the card: what is measured is of the processor",
            "install the torch build for it (make venv TORCH=xpu or TORCH=cuda), or say "
            "--device cpu if the processor is meant",
        )
        return
    yield _which(name, title, kind, identity, machine)


def _which(
    name: str, title: str, kind: str, identity: Mapping[str, Any], machine: Machine
) -> Finding:
    """Is it a card, where there is one?"""
    if kind == "cpu" or identity.get("target") == "cpu":
        return ok("device", title)
    known = is_integrated(identity, machine)
    if known is None or not known[0]:
        graphics = any(not card.discrete for card in machine.cards)
        if known is None and machine.discrete and graphics:
            return warn(
                "device",
                f"{title}, which may be a card or the processor's graphics: nothing tells",
                "numbers are of one or the other",
                "hide the graphics with ONEAPI_DEVICE_SELECTOR, or compare memory in the record",
            )
        return ok("device", title)
    if not machine.discrete:
        return ok("device", f"{title}, the processor's graphics by {known[1]}")
    return bad(
        "device",
        f"{title}, the integrated GPU by {known[1]}",
        "numbers are of the processor's graphics, not of the card beside it",
        f"choose the card by --device, {_next(name)} perhaps, or hide the other with "
        "ONEAPI_DEVICE_SELECTOR",
    )


def _next(name: str) -> str:
    kind, _, index = name.partition(":")
    return f"{kind}:{int(index) + 1}" if index.isdigit() else f"{kind}:1"


def judge_notes(notes: Sequence[str]) -> Iterator[Finding]:
    """`notes` has a line for each thing that the device does not tell."""
    for note in notes:
        yield warn(
            "device",
            note,
            "what rests on it is an assumption: how much fits, how long a rotation is, or a time",
            "a newer driver or torch; else read the records' warnings",
        )


def judge_kernels(wrong: Sequence[str], providers: Sequence[str]) -> Iterator[Finding]:
    """`wrong` has a line for each kernel whose result is not the reference's."""
    for line in wrong:
        yield bad(
            "kernels",
            line,
            "its times are of a wrong result: truetpot refuses to take them",
            "another driver or compiler version; report it if it is one of truetpot's own kernels",
        )
    if not wrong:
        yield ok("kernels", f"those of {', '.join(providers)} compute a decode step right")
