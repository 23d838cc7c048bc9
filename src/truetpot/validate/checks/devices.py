"""Which devices are to be tested: asked in a process of its own, as a driver may hang or crash."""

from __future__ import annotations

import re
from typing import Any

from truetpot.errors import UserError
from truetpot.runtime.choose import best, choose_device, present
from truetpot.validate.child import Tell
from truetpot.validate.measured import Measured, Setting

ALL, AUTO = "all", "auto"


def measure(setting: Setting, tell: Tell) -> Measured:
    """``found["devices"]``: the identity of each, with its name. Raises UserError for a name that
    is no device here."""
    (asked,) = setting.devices
    return Measured(found={"devices": [_identity(name) for name in _names(asked)]})


def _names(asked: str) -> list[str]:
    if asked == AUTO:
        return [best()]
    if asked == ALL:
        kind = re.sub(r":\d+$", "", best())  # xpu of xpu:0, opencl:gpu of opencl:gpu:0
        return [name for name in present() if re.fullmatch(rf"{kind}(:\d+)?", name)]
    names = list(dict.fromkeys(part.strip() for part in asked.split(",") if part.strip()))
    if not names:
        raise UserError("--device names nothing; give auto, all, or names such as xpu:0,xpu:1.")
    # xpu is xpu:0
    return list(dict.fromkeys(choose_device(name).name for name in names))


def _identity(name: str) -> dict[str, Any]:
    device = choose_device(name)
    identity = device.identity()
    return {"device": device.name, **identity}
