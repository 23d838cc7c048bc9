"""Weights of the OpenCL products on their device, and the launch of one."""

from __future__ import annotations

import numpy as np
from truetpot.kernels._lib.opencl.kernel import source_text
from truetpot.kernels._lib.opencl.linear.launch import MOST_ROWS, Launch, layout, on_matrix_engine

from truetpot.formats import Weight
from truetpot.ops import LinearCase
from truetpot.ops.registry import Config
from truetpot.runtime.device import Device
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.runtime.opencl.program import Function
from truetpot.runtime.opencl.target import Target

Packed = tuple[OpenClArray, OpenClArray | None]
"""Codes and scales: in the order of ``tiles.clh`` for the matrix engine, else as the format's."""
ITEMS = 256
"""Of a work-group of ``arrange``."""


def pack(
    weight: Weight, case: LinearCase, device: OpenClDevice, config: Config, parts: int = 1
) -> Packed:
    """On the device; each of ``parts`` equal parts of the rows in groups of its own."""
    rows = layout(case, device.target, **config)
    codes = device.upload(weight.codes)
    if not rows:
        return codes, None if weight.scales is None else device.upload(weight.scales)
    build = Build(
        "_lib/opencl/linear/arrange.cl", "arrange", {"FORMAT": weight.format.upper()}, "", rows
    )
    n, blocks = weight.shape[0] // parts, case.k // 64
    shape = (parts * -(-n // rows), blocks, codes.nbytes // (weight.shape[0] * blocks * 4), rows)
    arranged = device.empty(shape, np.uint32)
    words = int(np.prod(shape))
    function = device.function(build, source_text(build))
    function((words + -words % ITEMS,), (ITEMS,), codes, arranged, n, blocks, words)
    device.synchronize()  # before the codes are given back
    if weight.scales is None:
        return arranged, None
    return arranged, device.upload(_scales(weight.scales, parts, rows))


def _scales(scales: np.ndarray, parts: int, rows: int) -> np.ndarray:
    """[n, blocks, one or two] as [groups, blocks, one or two, rows], rows behind n zero."""
    each = len(scales) // parts
    by_part = scales.reshape(parts, each, scales.shape[1], -1)
    filled = np.zeros((parts, each + -each % rows, *by_part.shape[2:]), scales.dtype)
    filled[:, :each] = by_part
    groups = filled.reshape(-1, rows, *filled.shape[2:])
    return np.ascontiguousarray(groups.transpose(0, 2, 3, 1))


def note(device: Device) -> str:
    """The path taken, for ``truetpot providers``."""
    rows = f"up to {MOST_ROWS} rows"
    if not isinstance(device, OpenClDevice) or device.target.dpas:
        return rows
    return f"{rows}; emulated dpas for fp16 activations: for tests, not for timing"


def engine(case: LinearCase, target: Target) -> Config:
    """For the record: what multiplies, where the case is one for the matrix engine."""
    if not on_matrix_engine(case):
        return {}
    return {"dpas": "native" if target.dpas else "emulated"}


def product(
    function: Function,
    launch: Launch,
    x: OpenClArray,
    weight: Packed,
    bias: OpenClArray | None,
    out: OpenClArray,
) -> None:
    """Submit; x [m, k], out [m, n]."""
    (m, n), k = out.shape, x.shape[1]
    sizes = (m, n, k) if function.name == "gemm" else (n, k)
    function(*launch.sizes, x, *weight, bias, out, *sizes)
