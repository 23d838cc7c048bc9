"""May this process open the card? If not, what the user or the container lacks."""

from __future__ import annotations

from collections.abc import Iterator

from truetpot.doctor.cards import Card
from truetpot.doctor.finding import Finding, bad

_GIVE = {
    "docker": "docker run --device /dev/dri",
    "podman": "podman run --device /dev/dri",
    "kubernetes": "ask for gpu.intel.com/{driver} under resources, limits: Intel's device plugin "
    "mounts the card",
}
_JOIN = {
    "docker": "docker run --group-add {group}",
    "podman": "podman run --group-add keep-groups, and be in group {group} outside",
    "kubernetes": "supplementalGroups: [{group}] in the pod's securityContext",
}


def judge_access(card: Card, container: str | None) -> Iterator[Finding]:
    """Of a card of Intel's; `container` is its kind, None outside of one."""
    if card.driver not in ("i915", "xe") or card.render_usable:
        return
    if card.render is None:
        yield bad(
            "access",
            f"{card.name} has no render node",
            "no compute program can open it",
            "look for errors of the driver in dmesg",
        )
        return
    node, means = f"/dev/dri/{card.render}", "Level Zero and OpenCL do not list the card"
    if card.render_group is None:
        do = _GIVE.get(container or "", "look for the node's rule in udev; in a container, ")
        if container not in _GIVE:
            do += _GIVE["docker"]
        what = f"{node} of {card.name} is not here"
        yield bad("access", what, means, do.format(driver=card.driver))
        return
    do = _JOIN.get(container or "", f"usermod -aG render {'$'}USER and log in again")
    yield bad(
        "access",
        f"{node} of {card.name} cannot be opened by this user; it is group {card.render_group}'s",
        means,
        do.format(group=card.render_group),
    )
