"""Verdicts on each discrete card: driver, access, memory window, link, clocks, power, placement."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from truetpot.doctor.cards import Card
from truetpot.doctor.clocks import Clock
from truetpot.doctor.finding import Finding, bad, ok, warn
from truetpot.doctor.judge_access import judge_access
from truetpot.doctor.machine import Machine
from truetpot.doctor.pci import Link
from truetpot.facts.kinds import accelerators

_SMALL = 256 << 20
_POWER = ("pl1", "pl2", "pl4", "psys_pl1", "psys_pl2")


def judge_cards(machine: Machine, chosen: Mapping[str, Any] | None = None) -> Iterator[Finding]:
    """All of them, card by card. `chosen` is the identity of the device that is measured."""
    cards = machine.discrete
    if not cards:
        yield _none(machine, chosen or {})
    for card in cards:
        if card not in machine.given:
            yield ok("cards", f"{card.name} is not given to this container: it is not judged")
    for card in machine.given:
        yield from _driver(card, machine)
        if card.vendor == "Intel":
            yield from judge_access(card, machine.container.kind)
            yield from _window(card)
        yield from _link(card)
        for clock in card.clocks:
            yield from _clock(card, clock)
        yield from _power(card)
    yield from _placement(machine)


def _none(machine: Machine, chosen: Mapping[str, Any]) -> Finding:
    host, kind = machine.host, chosen.get("kind")
    gpu = kind in accelerators() or (kind == "opencl" and chosen.get("target") != "cpu")
    if not host.wsl and gpu and not machine.cards:
        return warn(
            "cards",
            f"{chosen.get('name')} is there, and the PCI bus shows no GPU",
            "link, clocks, throttling, power and resizable BAR are not looked at",
            "in a container or sandbox, let it see /sys",
        )
    if not host.wsl:
        what = "of the processor's graphics" if gpu else "of the processor"
        return ok("cards", f"no discrete GPU: what is measured here is {what}")
    if host.dxg:
        return warn(
            "cards",
            "WSL2: the cards of Windows are behind /dev/dxg, and this kernel shows none of them",
            "link, clocks, throttling, power and resizable BAR cannot be looked at from here, and "
            "each submission goes through Windows",
            "look at them in Windows, and name WSL2 beside the numbers, or measure under Linux",
        )
    return warn(
        "cards",
        "WSL2 without /dev/dxg: no card of Windows is passed in",
        "what is measured here is of the processor",
        "wsl --update and a driver for WSL2 in Windows; in a container, --device /dev/dxg and "
        "-v /usr/lib/wsl:/usr/lib/wsl",
    )


def _driver(card: Card, machine: Machine) -> Iterator[Finding]:
    family = card.family
    if card.driver is None:
        do = "load the vendor's driver"
        if family and family.driver:
            do = f"load {family.driver}, which takes this card from Linux {family.kernel} on"
        yield bad("driver", f"{card.name} has no kernel driver", "no program can use the card", do)
    elif card.driver == "vfio-pci":
        yield bad(
            "driver",
            f"{card.name} is passed through to virtual machines (vfio-pci)",
            "no program of this host can use it",
            "bind it to its own driver, or measure inside",
        )
    elif family and family.driver and card.driver != family.driver:
        yield warn(
            "driver",
            f"{card.name} runs on {card.driver}, not on {family.driver}",
            f"{family.driver} is the driver that takes this card unforced: published numbers are "
            "of it, and the other's clocks, limits and bugs are others",
            f"name the driver beside the numbers, or measure on {family.driver} too",
        )
    else:
        kernel = machine.host.kernel
        yield ok("driver", f"{card.name} runs on {card.driver}" + (f", {kernel}" * bool(kernel)))


def _window(card: Card) -> Iterator[Finding]:
    if card.window is None:
        return
    seen, most = _size(card.window), card.largest_window
    enough = most is not None and card.window >= most
    if enough or (most is None and card.window > _SMALL):
        yield ok("resizable BAR", f"{card.name}: the processor sees {seen} of its memory")
        return
    could = f", {_size(most)} would be possible" if most else ""
    consequence = (
        "on xe Level Zero does not list the card at all"
        if card.driver == "xe"
        else "host writes and copies go through a small window: loading, and whatever a step sends "
        "to the card, is slower than on a machine set up right"
    )
    yield bad(
        "resizable BAR",
        f"{card.name}: the processor sees {seen} of its memory{could}",
        f"{consequence} (https://github.com/intel/compute-runtime/issues/997)",
        "switch on Above 4G Decoding and Resizable BAR in the firmware, and CSM off; "
        "then dmesg | grep -i 'resize bar'",
    )


def _link(card: Card) -> Iterator[Finding]:
    link, thin = card.link, card.narrowest
    if link is None or thin is None:
        yield warn(
            "PCIe",
            f"{card.name}: its link is unknown; what is shown is no link that data crosses",
            "loading, copies to and from the host and every collective of --tp are of a link that "
            "nothing here tells",
            "in a virtual machine, look at the card on the host (lspci -vv, at the card's upstream "
            "port), and name its link beside the numbers",
        )
        return
    slow = link.gb_s < 0.99 * link.max_gb_s
    bottleneck = thin.gb_s < 0.99 * link.gb_s
    if not slow and not bottleneck and not card.downgraded:
        yield ok("PCIe", f"{card.name}: {link}, its maximum ({_rate(link)})")
        return
    what = f"{card.name}: {link} ({_rate(link)}) of {link.most}"
    if card.downgraded:
        what += ", brought down by the card itself"
    if bottleneck:
        what += f"; {thin} ({_rate(thin)}) on the way, at {thin.at}"
    yield warn(
        "PCIe",
        what,
        "one card's decode hardly crosses the link, but every collective of tensor parallelism and "
        "all loading does: numbers with --tp are of this link",
        "another slot, or the slot's speed in the firmware; look again under load, as some links "
        "slow down when idle",
    )


def _clock(card: Card, clock: Clock) -> Iterator[Finding]:
    most = clock.hardware_high
    name = f"{card.name} {clock.where}"
    if clock.capped:
        assert clock.high is not None and most is not None
        how = "pinned at" if clock.pinned else "capped at"
        yield warn(
            "clock",
            f"{name}: {how} {clock.high} of {most} MHz",
            f"kernels that compute run up to {most / clock.high:.2f} times as long as on the card "
            "as it is sold",
            f"name the clock beside the numbers, or allow {most} MHz",
        )
    elif clock.pinned:
        yield ok("clock", f"{name}: pinned at {clock.high} MHz")
    elif clock.high is not None and clock.low is not None:
        yield warn(
            "clock",
            f"{name}: floats between {clock.low} and {clock.high} MHz",
            "short kernels after a pause run at a lower clock than in a stream of them, and two "
            "runs may differ by what the governor did",
            f"pin it: xpu-smi config -d DEVICE -t 0 --frequencyrange {clock.high},{clock.high}",
        )
    heat = [reason for reason in clock.throttled_by if reason not in _POWER]
    if heat:
        yield bad(
            "throttling",
            f"{name}: throttled by {', '.join(heat)}",
            "the card is not running at the speed it was asked for",
            "cool it, and measure again",
        )
    elif clock.throttled_by:
        yield warn(
            "throttling",
            f"{name}: held back by its power limit ({', '.join(clock.throttled_by)})",
            "numbers are of the power limit as much as of the card",
            "name the limit beside the numbers",
        )


def _power(card: Card) -> Iterator[Finding]:
    for limit in card.power:
        if limit.lowered:
            by = ", by its datasheet" if limit.rated_by == "datasheet" else ""
            yield warn(
                "power",
                f"{card.name}: {limit.kind} limit of the {limit.what} at {limit.limit_w:g} of "
                f"{limit.rated_w:g} W{by}",
                "under load the card clocks lower than as it is sold",
                f"name the limit beside the numbers, or raise it ({limit.file} in hwmon)",
            )


def _placement(machine: Machine) -> Iterator[Finding]:
    cards = machine.given
    if machine.host.numa_nodes > 1:
        for card in cards:
            if card.numa_node is not None:
                node = card.numa_node
                yield warn(
                    "NUMA",
                    f"{card.name} hangs on node {node} of {machine.host.numa_nodes}",
                    "a process on another node submits and copies over the link between sockets",
                    f"numactl --cpunodebind={node} --membind={node} truetpot ...",
                )
    intel = [card for card in cards if card.vendor == "Intel"]
    translated = [card for card in intel if re.fullmatch(r"DMA(-FQ)?", card.iommu or "")]
    if len(intel) > 1 and translated:
        yield warn(
            "IOMMU",
            f"{len(translated)} of {len(intel)} cards behind a translating IOMMU",
            "copies from card to card go through it; on four B70 they were wrong until "
            "iommu=pt (https://github.com/intel/compute-runtime/issues/942)",
            "check results of --tp, and boot with iommu=pt",
        )
    kinds = {card.title for card in intel}
    if len(kinds) > 1:
        yield warn(
            "cards",
            f"cards of {len(kinds)} kinds: {', '.join(sorted(kinds))}",
            "a number without a PCI address beside it may be of either",
            "choose one by --device, and read the address in the record",
        )


def _size(count: int) -> str:
    return f"{count >> 30} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"


def _rate(link: Link) -> str:
    return f"{link.gb_s:.1f} GB/s"
