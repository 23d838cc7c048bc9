"""Searches as other tuners read them: T4 results and a T1 problem for each kernel and case.

The formats are Kernel Tuner's (:mod:`truetpot.records.t4` says which). A T1 problem describes a
space by lists of values and conditions, and our spaces are lists of legal configurations: what the
lists allow beyond them is excluded by one condition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from truetpot.errors import UserError
from truetpot.files import write_whole
from truetpot.ops.registry import Config
from truetpot.records.opening import Environment
from truetpot.records.t4 import TIME, VERSION, Invalidity, T4Measurement, T4Result, T4Results
from truetpot.records.tune import Figures
from truetpot.tune.figures import Tuned

LANGUAGES = {"opencl": "OpenCL"}
"""Of a provider, as T1 names them; it knows no other than OpenCL, CUDA and Vulkan."""
_REASONS = (
    (re.compile(r"took too long", re.IGNORECASE), Invalidity.TIMEOUT),
    (re.compile(r"compil|out ?of ?resource", re.IGNORECASE), Invalidity.COMPILE),
    (re.compile(r"above the tolerance|was changed|not finite|shape", re.IGNORECASE),
     Invalidity.CORRECTNESS),
)  # fmt: skip


def write(
    folder: Path,
    results: Sequence[Tuned],
    environment: Environment,
    device: Mapping[str, str],
) -> list[Path]:
    """Two files a search that has been at something: ``OP.PROVIDER.CASE.T4.json`` and ``.T1.json``.

    Raises OutputError where they cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror}; give another --t4.") from error
    files = []
    for result in results:
        if not result.looks:
            continue
        case = re.sub(r"[^A-Za-z0-9=_-]+", "_", result.case.label())
        name = f"{result.op}.{result.provider}.{case}"
        for kind, content in (
            ("T4", msgspec.to_builtins(t4(result, environment, device))),
            ("T1", t1(result, device, f"{name}.T4.json")),
        ):
            files.append(folder / f"{name}.{kind}.json")
            text = msgspec.json.format(msgspec.json.encode(content), indent=1)
            write_whole(files[-1], text + b"\n", "--t4")
    return files


def t4(result: Tuned, environment: Environment, device: Mapping[str, str]) -> T4Results:
    """Every configuration that was looked at; the default where it has a time."""
    found = result.found
    looks = [*([] if found is None else [found.default]), *result.looks]
    return T4Results(
        results=[_one(look) for look in looks],
        schema_version=VERSION,
        metadata={
            "timeunit": "milliseconds",
            "truetpot": {
                "op": result.op, "provider": result.provider, "case": result.case.label(),
            },
            "hardware": {
                "hardware_description": [dict(device)],
                "operating_system": environment.os,
            },
            "environment": {
                "device_query": dict(device),
                "requirements": [
                    f"{name}=={version}" for name, version in environment.packages.items()
                ],
            },
        },
    )  # fmt: skip


def _one(look: Figures) -> T4Result:
    """The time is the default's over the gain: what configurations took in the same rounds."""
    invalidity = _invalidity(look.reason)
    timed = look.median_s is not None and invalidity is Invalidity.CORRECT
    measurements = []
    if timed and look.median_s is not None:
        measurements.append(T4Measurement(name=TIME, value=look.median_s * 1e3, unit="ms"))
        if look.gain is not None:
            measurements.append(T4Measurement(name="gain over default", value=look.gain))
    return T4Result(
        configuration=look.config,
        objectives=[TIME],
        times={"runtimes": [look.median_s * 1e3] if timed and look.median_s else []},
        invalidity=invalidity,
        correctness=0.0 if invalidity is Invalidity.CORRECTNESS else 1.0,
        measurements=measurements,
    )


def _invalidity(reason: str) -> Invalidity:
    if not reason:
        return Invalidity.CORRECT
    found = (kind for pattern, kind in _REASONS if pattern.search(reason))
    return next(found, Invalidity.RUNTIME)


def t1(result: Tuned, device: Mapping[str, str], output: str) -> dict[str, Any]:
    """The problem: values of each parameter, and which of their combinations are legal."""
    configs = result.configs
    names = list(dict.fromkeys(name for config in configs for name in config))
    values = {name: _values(configs, name) for name in names}
    legal = [tuple(config.get(name) for name in names) for config in configs]
    total = 1
    for some in values.values():
        total *= len(some)
    condition = f"({', '.join(names)}{',' * (len(names) == 1)}) in {legal!r}"
    return {
        "ConfigurationSpace": {
            "TuningParameters": [
                {"Name": name, "Type": _type(some), "Values": repr(some)}
                for name, some in values.items()
            ],
            "Conditions": []
            if total == len(configs)
            else [{"Parameters": names, "Expression": condition}],
        },
        "General": {
            "FormatVersion": 1,
            "TimeUnit": "Milliseconds",
            "OutputFile": output,
            "OutputFormat": "JSON",
        },
        "KernelSpecification": {
            "Device": {"Name": device.get("name", "")},
            "Language": LANGUAGES.get(result.provider, "CUDA"),
            "KernelName": f"{result.op} of {result.provider}, {result.case.label()}",
            "KernelFile": f"{result.op}/{result.provider}.py",
            "GlobalSize": {"X": "1"},
            "LocalSize": {"X": "1"},
        },
    }


def _values(configs: Sequence[Config], name: str) -> list[Any]:
    found: list[Any] = []
    for config in configs:
        if (value := config.get(name)) not in found:
            found.append(value)
    return found


def _type(values: Sequence[Any]) -> str:
    known = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in known):
        return "bool"
    if all(isinstance(value, int) for value in known):
        return "int"
    if all(isinstance(value, int | float) for value in known):
        return "float"
    return "string"
