"""Weights of the OpenCL products on their device, and the launch of one."""

from __future__ import annotations

from truetpot.kernels._lib.opencl.linear.launch import MOST_ROWS, Launch, on_matrix_engine

from truetpot.formats import Weight
from truetpot.ops import LinearCase
from truetpot.ops.registry import Config
from truetpot.runtime.device import Device
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.runtime.opencl.program import Function
from truetpot.runtime.opencl.target import Target

Packed = tuple[OpenClArray, OpenClArray | None]
"""Codes and scales as the format defines them, which is as ipex-llm keeps them on XPU."""


def pack(weight: Weight, device: OpenClDevice) -> Packed:
    """The two arrays on the device."""
    scales = None if weight.scales is None else device.upload(weight.scales)
    return device.upload(weight.codes), scales


def note(device: Device) -> str:
    """For ``truetpot providers``."""
    rows = f"up to {MOST_ROWS} rows"
    if not isinstance(device, OpenClDevice) or device.target.dpas:
        return rows
    return f"{rows}; emulated dpas for several: for tests, not for timing"


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
