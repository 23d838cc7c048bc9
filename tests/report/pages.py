"""Every report of the suite, drawn from made-up results; names of others are what a test gives.

A page is what is shown, and what of it has to be read whole: statuses, names and numbers.
"""

import json
import math
from dataclasses import replace
from types import MappingProxyType

import msgspec
from msgspec import structs

from tests.records.kept import load
from tests.serving.readers.vllm_files import in_2026
from tests.stack.made import STEP, Xpu
from truetpot.doctor.cards import Card
from truetpot.doctor.clocks import Clock
from truetpot.doctor.container import Container
from truetpot.doctor.finding import bad, ok, warn
from truetpot.doctor.host import Host
from truetpot.doctor.machine import Machine
from truetpot.doctor.power import PowerLimit
from truetpot.doctor.software import Software
from truetpot.drive.server import Server
from truetpot.facts.floor import floor, floor_range
from truetpot.facts.hardware import load_hardware
from truetpot.facts.models import load_model
from truetpot.facts.published import comparisons
from truetpot.facts.roofline import Limit
from truetpot.facts.variables import variables
from truetpot.facts.workload import Workload
from truetpot.isa.difference import Change
from truetpot.measure.collectives import CollectiveResult
from truetpot.measure.entrant import Entrant
from truetpot.measure.kernel_result import KernelResult
from truetpot.ops import AllReduceCase, LinearCase
from truetpot.ops.tuned import Choice
from truetpot.records.check import VisibleCount
from truetpot.records.contact import ArchivedFile, ContactRecord, StepRow
from truetpot.records.decode import DecodeRecord
from truetpot.records.doctor import Quick
from truetpot.records.drive import (
    ArmRow,
    CanaryRow,
    DifferenceRow,
    DriveRecord,
    SeriesRow,
    Weight,
)
from truetpot.records.fleet import FileLeftOut, FleetRecord, Variant
from truetpot.records.images import ImagesRecord, PackageRow
from truetpot.records.isa import (
    Counts,
    Failure,
    Inspection,
    IsaRecord,
    IssueVerdict,
    Loads,
    OclocRow,
)
from truetpot.records.launch import LaunchRecord, LaunchRow
from truetpot.records.library import (
    BeyondRow,
    LaunchFloorRow,
    LeftOutRow,
    LibraryRecord,
    LibraryTable,
)
from truetpot.records.opening import ClockRow, Environment
from truetpot.records.predict import PredictedStep, PredictedTerm, PredictRecord
from truetpot.records.providers import KernelEntry
from truetpot.records.rungs import Communication, Ladder, OperatorRow, RankRow, Rung, Rungs
from truetpot.records.sweep import FitRow, RequestRow, SweepPoint, SweepRecord
from truetpot.records.tune import Figures, Found, TuneStatus
from truetpot.records.validate import BaselineRecord, ValidateRecord
from truetpot.records.words import Cache, KernelStatus, Origin, PointStatus, StepOutcome
from truetpot.report.collectives import draw_collectives
from truetpot.report.contact import draw_archive, draw_contact, draw_files
from truetpot.report.doctor import (
    draw_check,
    draw_findings,
    draw_machine,
    draw_providers_short,
    draw_variables,
)
from truetpot.report.drive import draw_canaries, draw_points, draw_server
from truetpot.report.fleet import draw_fleet
from truetpot.report.floor import draw_floor, draw_floors, draw_published
from truetpot.report.images import draw_images
from truetpot.report.isa import draw_changes, draw_kernels
from truetpot.report.isa_sweep import draw_sweep
from truetpot.report.kernels import draw_case, draw_head
from truetpot.report.ladder import (
    describe_device,
    draw_ladder,
    draw_operators,
    draw_parameters,
    draw_ranks,
)
from truetpot.report.launch import draw_launch
from truetpot.report.library import draw_library
from truetpot.report.numbers import digits, microseconds
from truetpot.report.predict import draw_prediction
from truetpot.report.prompts import draw_inspection
from truetpot.report.providers import draw_providers
from truetpot.report.serving import draw_checked, draw_visible
from truetpot.report.sweep import draw_fits, draw_point
from truetpot.report.sweep import draw_head as draw_sweep_head
from truetpot.report.trace import draw_trace
from truetpot.report.tune import draw_left_out, draw_tuned
from truetpot.report.tune_list import draw_tunable
from truetpot.report.validate import draw_baseline, draw_validate
from truetpot.serving.check import check_file
from truetpot.serving.prompts.inspect import inspect
from truetpot.serving.verdict import judge
from truetpot.serving.yardstick import from_facts
from truetpot.stack.analyse import Given as GivenTrace
from truetpot.stack.command import traced as read_traces
from truetpot.stack.yardstick import from_facts as from_table
from truetpot.stats import Comparison, Ratio, Standing, Submitted
from truetpot.tune.figures import Tuned
from truetpot.tune.tunable import Tunable

SHARED = {
    "server", "canaries", "tokens_a_chunk", "prefix_cache", "first_chunk_is_token", "output_hashes",
}  # fmt: skip
"""What the record of a live server and its row of an arm both have."""
MODEL = "llama-3.1-70b"
CASE = LinearCase("bf16", 1, 57344, 8192, "sym_int4")
ARC = "arc-a770"
GRAPH, EAGER = Submitted.GRAPH, Submitted.EAGER


def numbers(*values):
    return [digits(value) for value in values]


def kernels(other, folder):
    reason = f"RuntimeError: {other}"

    def result(provider, status, seconds=None, **fields):
        entrant = None
        if seconds is not None:
            entrant = Entrant(provider, [], bytes=1, device_s=[seconds], wall_s=[seconds])
        about = {"bytes": 249_561_088, "cache": Cache.ROTATED, "entrant": entrant} | fields
        return KernelResult("linear", CASE, provider, "cpu", KernelStatus(status), **about)

    def over(ratio):
        return Standing(Ratio(ratio, ratio, ratio, 1), Comparison.SLOWER, refuted=False)

    timed = {"share": Ratio(0.876, 0.87, 0.88, 1), "error": 1.2e-3, "tolerance": 1.5e-2}
    results = [
        result("torch", "ok", 1234567e-6, standing=over(123.45), **timed),
        result("torch_scaled_mm", "coarse", 4.321e-4, standing=over(1.0), reason="fp8", **timed),
        result("numba", "wrong", config={"tile": 4, other: 1}, choice=Choice(),
               reason="error inf is above the tolerance", error=math.inf,
               tolerance=1.5e-2),
        result(other, "invalid", 5e-4, standing=over(1.16), reason=reason, **timed),
        result("vllm_xpu", "skipped", reason=reason),
        result("triton", "partial", reason="interrupted before its first sample"),
    ]  # fmt: skip
    roles = ("gate_up",)
    page = [draw_head(), draw_case([(found, roles) for found in results])]
    whole = [found.provider for found in results] + [found.status for found in results]
    whole += [digits(249_561_088 / 1234567e-6 / 1e9), "1,234,567", "432.1", "123.45", "1.16"]
    whole += ["87.6 %", "1.2e-03/1.5e-02", "inf/1.5e-02", reason, CASE.label()]
    return page, whole


def collectives(other, folder):
    case = AllReduceCase("bf16", 1, 8192, 2, in_place=True)
    good = CollectiveResult("all_reduce", case, other, GRAPH, KernelStatus.OK)
    good.ranks_s = [[12.5e-6, 13e-6], [14e-6, 1234567e-6]]
    wrong = CollectiveResult(
        "all_reduce", case, other, EAGER, KernelStatus.WRONG, f"error 3: {other}"
    )
    kept = replace(case, in_place=False)
    why = "not captured"
    skipped = CollectiveResult("all_reduce", kept, "symm_mem", GRAPH, KernelStatus.SKIPPED, why)
    whole = [other, "symm_mem", "all_reduce", "graph", "eager", "ok", "wrong", "skipped"]
    whole += ["used up", "kept", "16 KiB", f"error 3: {other}", "not captured"]
    for percentile in (50, 99):
        whole.append(microseconds(good.percentile_s(percentile)))
    whole += [f"{microseconds(max(good.medians_s))} (1)", f"{good.algorithm_gb_s:.2f}"]
    return [draw_collectives([one.record() for one in (good, wrong, skipped)])], whole


def tuned(other, folder):
    default = Figures(config={}, median_s=1234567e-6, gain=1.0)
    config = {"BLOCK_N": 128, "BLOCK_K": 1024, "num_warps": 16, "num_stages": 3, "kind": other}
    best = Figures(
        config=config, median_s=1.0, gain=1.2345, gain_ci=(1.2011, 1.2622), share_of_ceiling=0.9876
    )
    won, stays = (Found(default=default, best=one, when="now") for one in (best, default))
    results = [
        Tuned("linear", CASE, ("gate_up",), other, TuneStatus.TUNED, "", won),
        Tuned("linear", CASE, ("o",), "numba", TuneStatus.DEFAULT, "", stays),
        Tuned("linear", CASE, ("o",), "torch", TuneStatus.WRONG, f"its default: {other}"),
        Tuned("argmax", CASE, ("o",), "ipex", TuneStatus.SKIPPED, "nothing to tune"),
    ]
    whole = [other, "numba", "torch", "ipex", "wrong", "skipped", f"its default: {other}"]
    whole += ["1,234,567", microseconds(1234567e-6 / 1.2345), "1.234", "1.201-1.262", "98.8 %"]
    whole += ["the default stays"]
    whole += [f"{key}={value}" for key, value in config.items()]
    return [draw_tuned(results), *draw_left_out(results)], whole


def row(op, provider, available, reason, note, source):
    return KernelEntry(
        op=op, provider=provider, available=available, reason=reason, note=note, source=source
    )


def providers(other, folder):
    rows = [
        row("linear_silu_mul", "numba", True, "", "avx512_bf16", "kernels/x/numba.py"),
        row("linear_silu_mul", other, False, f"ImportError: {other}", "", ""),
        row("decode_attention", "mine", True, "refuses 3 of 7 test cases", other, other),
    ]
    devices = [f"  xpu:0: {other} (the one asked for)"]
    page = [draw_providers(rows, devices), draw_providers_short(rows, other)]
    whole = ["linear_silu_mul", "decode_attention", "numba", "mine", "avx512_bf16", "yes", "no"]
    whole += [other, f"ImportError: {other}", "refuses 3 of 7 test cases", *devices]
    return page, whole


def contact(other, folder):
    step = StepRow(
        name=f"provider-{other}", about="", command=f"truetpot {other}", limit_s=60.0, seconds=58.7,
        outcome=StepOutcome.CRASHED, code=-11, said=f"ended by {other}", traceback=f"in {other}",
    )  # fmt: skip
    left_out = structs.replace(step, name="isa", outcome=StepOutcome.NOT_RUN, traceback="")
    found = structs.replace(
        msgspec.convert(load("contact"), ContactRecord),
        devices=[{"device": "xpu:0", "name": other, "driver": other}],
        steps=[step, left_out],
        files=[ArchivedFile(name=f"{other}/err.txt", step=other, size=12345)],
    )
    page = [draw_contact(found), draw_archive(other, found), draw_files(found.files)]
    whole = [f"provider-{other}", "crashed", "58.7", f"ended by {other}", f"in {other}", "12,345"]
    return page, [*whole, "not-run", "xpu:0", f"{other}/err.txt"]


def doctor(other, folder):
    clock = Clock("tile 0", 300, 300, 2400, 300, 2450, ())
    card = Card(
        "0000:03:00.0", "Intel", 0x56A0, other, True, None, load_hardware(ARC), "i915", "card1",
        "renderD128", True, 992, None, None, False, 256 << 20, 16 << 30, (clock,),
        (PowerLimit("card", 190.0, 225.0),), 0, None,
    )  # fmt: skip
    host = Host(
        "6.18.44", other, 128, 512 << 30, ("powersave",), True, 2, True, False, None,
        wsl=False, dxg=False, dxcore=False,
    )  # fmt: skip
    inside = Container("podman", 64, 2.5, 100, 7, 8 << 30, 64 << 20, False, by_path=False)
    software = Software({"compute runtime": other}, "1.6.32224", (other,), {"torch": other})
    known = variables()[3]
    others = MappingProxyType({"CCL_SOMETHING": other})
    machine = Machine(
        (card,), host, inside, software, MappingProxyType({known: other}), others
    )
    quick = Quick(
        device=other, read_gb_s=511.25, reader="numba", spread=0.0321, samples=97,
        datasheet_gb_s=560.0, empty_pair_s=1.25e-6, impossible=None, misread=None,
    )  # fmt: skip
    findings = [
        bad("device", other, "it may not be believed", f"look at {other}"),
        warn("clock", f"{other} is free", "times vary", "pin it"),
        ok("BAR", other),
    ]
    page = [
        draw_machine(machine), draw_check(quick), draw_findings(findings, checked=True),
    ]  # fmt: skip
    whole = [other, "0000:03:00.0", "renderD128", "i915", "1.6.32224", f"{known.name}={other}"]
    whole += ["bad", "warn", "ok", "511.2 GB/s", "1.25 us", "3.2 %", "97 reads", "6.18.44"]
    whole += [f"CCL_SOMETHING={other}", "podman", "2.5 of 128 cores", "64 MiB", "8.0 GiB"]
    whole += ["16 GiB at 560 GB/s", "190 W of 225 W", known.does, f"-> look at {other}"]
    return page, whole


def environment_variables(other, folder):
    whole = [text for known in variables() for text in (known.name, known.does, known.script or "")]
    return [draw_variables()], whole


def machine_code(other, folder):
    send = {"block2d_load.ugm.d32": 123}
    counts = Counts(float=1234, integer=5678, math=9, dpas=128, branch=17, sync=3, send=send)
    one = Inspection(
        op="linear", provider="opencl", name=other, variant=other, target="acm-g10",
        case=CASE.label(), roles=["gate_up"], batch=8, simd=16, grf=256, spill_bytes=123456,
        private_bytes=0, slm_bytes=65536, barriers=1, has_dpas=True, has_calls=False,
        instructions=counts, where="inner loop", hot=counts,
        loads=[Loads(arg="weight", label="load.ugm.d32x8t", count=12, run_bytes=256)],
        weight_load_bytes=64, weight_run_bytes=256, streamed_bytes=123456,
        lane_ops_per_weight=12.34, vector_clocks=123.5, matrix_clocks=64.0,
        issue_over_memory=1234.56, memory_us=445.6, verdict=IssueVerdict.ISSUE,
        threads=4096, threads_by="registers", in_flight_bytes=1024,
        needed_bytes=63280, latency_over_memory=0.75, local_over_memory=12.5, turns=138240,
        config={"rows": other}, opcodes={"mad": 12}, passes=7.5, bank_conflicts=16.0,
        faults=[f"spills: {other}", "narrow loads: 16 bytes a message"],
    )  # fmt: skip
    two = structs.replace(
        one, target="bmg-g21", issue_over_memory=0.25, weight_load_bytes=None,
        verdict=IssueVerdict.MEMORY, faults=[], not_followed=other, passes=None,
    )  # fmt: skip
    fields = {"vector_clocks": (123.456, 7890.1), "grf": (128, 256)}
    keys = ("acm-g10", "linear", "opencl", other, other, CASE.label())
    changes = [Change(keys, "changed", fields), Change(("bmg-g21", *keys[1:]), "gone", {})]
    failed = Failure(
        op="linear", provider="opencl", name=other, variant=other, target="pvc", case="", reason=""
    )
    swept = draw_sweep(
        IsaRecord(
            started="", command="", truetpot="", ocloc=OclocRow(command="ocloc", version="22.43"),
            model="", rates={}, kernels=[one, two], failed=[failed], no_kernel={},
            targets_left_out={},
        )
    )  # fmt: skip
    drawn = draw_kernels([one, two], instructions=True, without_entry=[two.named_case])
    page = [drawn, draw_changes(changes), swept]
    whole = [other, "acm-g10", "bmg-g21", CASE.label(), "issue-bound", "memory-bound", "0.25-0.25"]
    whole += ["narrow loads: 16 bytes", "4096", "4194", "63", "0.75", "12.50", "138,240 iterations"]
    whole += ["123456", "65536", "1234.56", "0.25", "12.34", "block2d_load.ugm.d32", "gone"]
    whole += ["the default: it has no tuned entry"]
    return page, [*whole, "1234 float", "vector_clocks 123.5 -> 7,890", "grf 128 -> 256"]


def device_images(other, folder):
    counts = Counts(float=1, integer=2, math=0, dpas=3, branch=0, sync=0, send={})
    image = Inspection(
        op="image", provider=other, name=other, variant=other, target="pvc", case=CASE.label(),
        roles=[], batch=1, simd=16, grf=256, spill_bytes=6528, private_bytes=0, slm_bytes=0,
        barriers=0, has_dpas=True, has_calls=False, instructions=counts, where="kernel",
        hot=counts, loads=[], weight_load_bytes=1024, weight_run_bytes=2048, streamed_bytes=4096,
        lane_ops_per_weight=1.5, vector_clocks=12.5, matrix_clocks=0.0, issue_over_memory=2.5,
        memory_us=100.0, verdict=IssueVerdict.ISSUE, latency_over_memory=0.5,
        local_over_memory=0.25, not_followed=other,
    )  # fmt: skip
    failed = Failure(
        op="image", provider=other, name=other, variant=other, target="pvc", case="", reason=other
    )
    record = ImagesRecord(
        started="", command="", truetpot="", ocloc=OclocRow(command="ocloc", version="22.43"),
        packages=[PackageRow(file=other, licence=other, kernels=1234)], kernels=[image],
        ours=[structs.replace(image, op="linear", memory_us=50.0)], failed=[failed, failed],
        left_out={other: other},
    )  # fmt: skip
    whole = [other, "1,234 kernels", "6528", "1024", "2048", "250.0 us", "125.0 us", "2 kernels"]
    return [draw_images(record, instructions=True)], [*whole, "issue-bound"]


def launched(other, folder):
    """What one kernel launches, and what there is to tune."""
    environment = Environment(
        truetpot="0.1.0", commit=None, python="3.11", os=other, packages={}, variables={},
        device={"name": other}, clock=ClockRow(source="", empty_pair_s=0.0), state={},
    )  # fmt: skip
    row = LaunchRow(
        entry_point=other, global_size=[65536, 1234], local_size=[1024, 1],
        options=["-cl-std=CL3.0", f"-D{other}"], binary=f"/a/{other}.bin", note=other,
    )  # fmt: skip
    found = LaunchRecord(
        started="", command="", environment=environment, partial=False, model=None, device="cpu",
        op="linear", case=CASE.label(), roles=["gate_up"], provider=other, config={other: 12345},
        origin=Origin.GIVEN, origin_case=None, calls=1234, copies=567, cache=Cache.ROTATED,
        launches=[row, LaunchRow()], state_after={},
    )  # fmt: skip
    some = Tunable("linear", other, [54, 1234], {other: [1, 12345]}, {"grf = 256": other})
    none = Tunable("argmax", "numba", reasons=[f"no {other}"])
    whole = [other, "65536 x 1234", "1024 x 1", "not known", "1234 calls", "567 copies", "as given"]
    whole += ["linear", "54 to 1234", "12345", "not grf = 256", "argmax", "numba", f"no {other}"]
    return [draw_launch(found), draw_tunable([some, none])], whole


def decode(other, folder):
    def operator(role, op, provider, seconds, share, of_ceiling):
        return OperatorRow(
            role=role, op=op, provider=provider, count=80, median_s=seconds, cv=0.0,
            ci_s=(seconds, seconds), share=share, share_of_ceiling=of_ceiling, bytes=1, case="m=1",
            config={"BN": 2, other: 1024}, origin=Origin.NEAREST, origin_case=f"m=8 {other}",
        )  # fmt: skip

    row = operator("gate_up+silu_mul", "linear_silu_mul", other, 1234567e-6, 0.4321, 0.9123)
    rest = ("rope_append+attention", "rope_append_attention", "numba")
    attention = operator(*rest, 4.321e-3, 0.1234, None)
    rungs = Rungs(
        ceiling=Rung(ms_per_token=1500.25, source=f"measured by {other}"),
        kernels=Rung(ms_per_token=1650.5, source="sum of 12 kernels", ci_ms=(1645.0, 1656.0)),
        step=Rung(ms_per_token=12345.6, source=f"20 steps, {other}", ci_ms=(12300.0, 12400.0),
                  extrapolated=True),
    )  # fmt: skip
    losses = {"kernels/ceiling": 1.1001, "step/kernels": 7.4799}
    state = {"clock_mhz": 2400, "temperature_c": 81}
    ranks = tuple(
        RankRow(rank=i, host=other, device=f"xpu:{i}", name=other, uuid=None, step_ms=12345.6,
                pci_address=f"0000:0{i}:00.0", kernels_ms=1650.5 + i, collectives_ms=12.25,
                ceiling_gb_s=511.2, state=state)
        for i in range(2)
    )  # fmt: skip
    talk = Communication(backend="gloo", count=161, payload_bytes=16384 * 161, alone_ms=12.25,
                         exposed_ms=10695.1)  # fmt: skip
    ladder = Ladder(rungs=rungs, losses=losses, share_of_ceiling=0.1215, valid=False, ranks=ranks,
                    operators=(row, attention), communication=talk)  # fmt: skip
    absent = f"{other} is not in the tables of cards"
    identity = {"name": other, "pci_address": "0000:03:00.0", "uuid": other, "driver": other}
    environment = Environment(
        truetpot="0.1.0", commit=None, python="3.11", os=other, packages={}, variables={},
        device=identity, clock=ClockRow(source="torch events", empty_pair_s=0.0), state={},
    )  # fmt: skip
    page = [
        describe_device("xpu:0", environment), draw_ladder(ladder, {"spec": absent}),
        draw_ranks(ladder), draw_operators(ladder), draw_parameters(ladder),
    ]  # fmt: skip
    whole = [other, absent, "spec", "ceiling", "kernels", "step", "1,234,567", "4,321"]
    whole += [row.op, attention.op, row.role, attention.role, "43.2 %", "91.2 %", "from cache"]
    whole += ["12,346*", "12,300 to 12,400", "1,645 to 1,656", "1.100", "7.480", "12.2 %"]
    whole += ["BN=2", "1024", "no entry: nearest, of m=8"]
    whole += ["511.2", "2400 MHz, 81 C", "0000:00:00.0", "0000:01:00.0", "gloo", "extrapolated"]
    return page, whole + numbers(1500.25, 1650.5, 1651.5, 12345.6, 12.25, 10695.1)


def swept(other, folder):
    def point(batch, context, status, reason="", step=None):
        rung = Rung(ms_per_token=1234.5, bound_by=Limit.OPERATIONS)
        made = msgspec.convert(load("decode"), DecodeRecord)
        rungs = Rungs(spec=rung, ceiling=rung, kernels=rung, step=step)
        known = structs.replace(made, rungs=rungs, share_of_ceiling=0.9123)
        return SweepPoint(
            context=context, batch=batch, status=status, reason=reason, record=step and known
        )

    def fit(rung, base_ms, mean_ms):
        return FitRow(
            batch=32, rung=rung, base_ms=base_ms, us_per_token=7.654, residuals=[-0.012, 0.034],
            contexts=[0, 65536], mean_ms=mean_ms, extrapolated=True,
        )  # fmt: skip

    step = Rung(ms_per_token=12345.6, extrapolated=True)
    points = [
        point(32, 65536, PointStatus.OK, step=step),
        point(1, 0, PointStatus.INVALID, f"{other} is wrong", step),
        point(64, 131072, PointStatus.DOES_NOT_FIT, f"45.1 GiB needed on {other}"),
    ]
    record = structs.replace(
        msgspec.convert(load("sweep"), SweepRecord), points=points,
        fits=[fit("ceiling", 5.432, 6.543), fit("step", 10.5, 11.25)],
        request=RequestRow(prompt=1024, output=4096),
    )  # fmt: skip
    whole = ["65,536", "12,346*", "91.2 %", "operations", f"{other} is wrong", "131,072"]
    whole += [f"45.1 GiB needed on {other}", "does not fit", "7.654", "3.4%", "-1.2%", "11.25*"]
    whole += ["5.432", "4,095 steps", "1,024 tokens", "beyond the contexts"]
    return [draw_sweep_head(), *map(draw_point, points), draw_fits(record)], whole


def bound(other, folder):
    model = replace(load_model(MODEL), name=other)
    given = {"tp": 4, "format": "sym_int4", "kv_format": "fp16", "batch": 8}
    first = floor(model, load_hardware(ARC), Workload(context=1024, **given))
    span = floor_range(model, load_hardware(ARC), Workload(context=1024, **given), end=32768)
    step = first.traffic
    whole = [other, f"{step.bound:,}", f"{step.weights:,}", f"{step.scales:,}", f"{step.kv:,}"]
    whole += [f"{first.ms_per_token:.3f}", f"{first.collectives.ms:.3f}", *first.assumptions]
    whole += [f"{row.weights * row.linear.count:,}" for row in step.linears]
    whole += [row.linear.role for row in step.linears] + ["floor", "collectives", "80 layers"]
    mixture = replace(load_model("gpt-oss-20b"), name=other)
    mixed = floor(mixture, load_hardware(ARC), Workload(context=1024, format="mxfp4", batch=8))
    whole += ["estimate", f"{mixed.estimate_ms:.3f}", f"{mixed.ms_per_token:.3f}"]
    whole += mixed.assumptions
    card = replace(load_hardware(ARC), key=other)
    rows = [floor(model, card, Workload(context=0, format="bf16")), first]
    drawn = [draw_floor(first, span), draw_floor(mixed)]
    drawn.append(draw_floors([(rows[0], None), (first, span)]))
    whole += [f"{row.ms_per_token:.3f}" for row in rows]
    return drawn, [*whole, f"{span.mean_ms_per_token:.3f} ms", "32766"]


def library(other, folder):
    def table(op, format, beyond=(), floor=None, errors=()):
        return LibraryTable(
            file=other, op=op, format=format, stands_for=[format], device=other, card=None,
            stack=other, version=other, timing="", axes=["m", "n", "k"], rows=22176,
            best_gb_s=454.75, launch_floor=floor, beyond=list(beyond),
            cross_validation=list(errors),
        )  # fmt: skip

    rows = [
        BeyondRow(shape={"m": 1, "n": n, "k": 51200}, bytes=10**9, gb_s=991.25, may_be_cached=n < 9)
        for n in range(12)
    ]
    floor = LaunchFloorRow(
        rows=521, median_us=22.75, low_us=19.25, high_us=27.5, scatter=0.0625, scatter_p90=0.1625
    )
    error = LeftOutRow(
        what="k", regime=other, rows=1104, median=0.0725, p90=0.5175, low=-0.4525, high=0.6025,
        least=-0.6, most=0.8,
    )  # fmt: skip
    record = LibraryRecord(
        started="", command="", truetpot="",
        tables=[table("linear", "fp8", rows, floor, [error]), table("decode_attention", other)],
        left_out={other: other},
    )  # fmt: skip
    whole = [other, "22,176", "454.8", "22.75 (19.25 to 27.50)", "impossible", "may be cached"]
    whole += ["m=1 n=11 k=51200", "991.2", "7.2 %", "51.7 %", "-45 %", "+60 %", "16.2 %"]
    return [draw_library(record), draw_library(record, every=True)], whole


def predicted(other, folder):
    def term(role, ms, low, high, shape):
        return PredictedTerm(
            role=role, op=other, format=other, count=64, shape=shape, bytes=10**7, predicted_ms=ms,
            low_ms=low, high_ms=high, how=other, source=other,
        )  # fmt: skip

    terms = [
        term("gate_up", 11.519, 10.653, 12.642, {"m": 32, "n": 13824, "k": 5120, "window": 0}),
        term("silu_mul", None, 0.187, 2.152, {}),
    ]
    step = PredictedStep(
        batch=32, predicted_low_ms=30.25, predicted_high_ms=54.0, borrowed_ms=33.75, spec_ms=22.25,
        terms=terms,
    )  # fmt: skip
    record = PredictRecord(
        started="", command="", truetpot="", model=other, device=other, tp=4, format=other,
        kv_format=other, dtype="fp16", context=1024, library=other, bandwidth_gb_s=454.75,
        launch_us=33.625, steps=[step], notes=[other],
    )  # fmt: skip
    whole = [other, "m=32 n=13824 k=5120", "11.519", "10.653 to 12.642", "0.187 to 2.152"]
    whole += ["30.2 to 54.0", "22.2", "33.8", "454.8", "33.62", "batch 32"]
    return [draw_prediction(record)], whole


def published(other, folder):
    whole = []
    for found in comparisons():
        entry = found.entry
        whole += [entry.id, f"{entry.cards} x {entry.hardware}", entry.reported or ""]
        whole += numbers(*filter(None, (entry.ms_per_token, found.floor_ms, found.ratio)))
        whole += [] if entry.comparable else [entry.reason]
    return [draw_published(comparisons())], [*whole, "yes", "no"]


def visible(n, interval_s, implied_s, standing, why):
    return VisibleCount(n=n, interval_s=interval_s, implied_s=implied_s, standing=standing, why=why)


def served(other, folder):
    """A real file, read and judged; the tool's strings are of somebody else."""
    file = folder / "result.json"
    file.write_text(json.dumps(in_2026(model_id=other, tokenizer_id=other, backend=other)))
    card = load_hardware("arc-pro-b60")
    yardstick = from_facts(load_model(MODEL), card, 8, "fp8_e5m2")
    yardstick = replace(yardstick, floor_from=f"{other} over 456 GB/s", step_from=other)
    (checked,) = check_file(file, yardstick, None)
    serving = judge(checked)
    rows = [visible(n, 1234.5, 30.65755, "excluded", other) for n in (1, 127)]
    rows += [visible(12345, 0.123, 2.5, "open", "")]
    whole = [other, "vllm", serving.verdict.value, serving.why, "1,234", "30,658", "12345"]
    for finding in checked.findings:
        whole += [finding.id, finding.severity.value, finding.title, finding.evidence, finding.fix]
    for found in checked.recomputed.summaries.values():
        for summary in found.values():
            whole.append(f"{summary.count:,}")
    assert checked.findings
    chosen = [f"Model: {other}.", "Card: one is assumed, give --tp if there were more."]
    whole += [*chosen, yardstick.what]
    return [draw_checked(checked, serving, chosen), draw_visible(rows)], whole


def traced(other, folder):
    """A trace with kernels that nobody knows, read and judged."""
    made = Xpu()
    for i in range(5):
        made.step([*STEP, (other, 90.0 + 200.0 * (i == 1)), ("oneccl_allreduce_pcie", 9.0 + 9 * i)])
    file = folder / "trace.json"
    file.write_text(json.dumps(made.file(deviceProperties=[{"id": 0, "name": other}])))
    yardstick = from_table("qwq-32b", "arc-pro-b60", 1, "sym_int4", "fp16", 1024, 1)
    record = read_traces([file], GivenTrace(replace(yardstick, what=other)), "")
    (run,) = record.runs
    whole = [other, "torch.profiler, XPU", "3 of 64 layers", f"{run.stack.ms_per_token:.3f}"]
    for row in run.roles:
        whole += [row.role.value, f"{row.ms:.3f}"]
    whole += [loss.sentence for loss in run.losses]
    for one in run.findings:
        whole += [one.id, one.title, one.evidence, one.fix]
    assert {"below-floor", "unknown-kernels"} <= {one.id for one in run.findings}
    return list(draw_trace(record)), whole


def compared(record, other):
    """The same of two servers, with a series and a difference."""
    given = {name: getattr(record, name) for name in ArmRow.__struct_fields__ if name in SHARED}
    arms = [ArmRow(name=one, **given, differs_at=5) for one in ("plain", other)]
    series = SeriesRow(
        arm=other, over="concurrency", at=200, points=2, least=1, most=4, base_ms=20.0,
        slope_ms=1.0, residual=None, step_base_ms=5.0, step_slope_ms=1.0, ratios=[1.1, 2.2],
        parts_at=4,
    )  # fmt: skip
    difference = DifferenceRow(
        arm=other, against="plain", input_tokens=200, concurrency=1, rounds=3, token_ms=20.0,
        against_ms=10.0, ratio=2.0, low=1.9, high=2.1, says=Comparison.SLOWER,
    )  # fmt: skip
    points = [structs.replace(one, arm=other) for one in record.points]
    return structs.replace(
        record, points=points, arms=arms, series=[series], differences=[difference]
    )


def driven(other, folder):
    """A live server that calls itself something, two points, one of them lost."""
    record = msgspec.convert(load("drive"), DriveRecord)
    canary = CanaryRow(weight=Weight.STOP, what="blank text", evidence=f"It says {other}.")
    first, second = record.points
    points = [first, structs.replace(second, reason=f"The engine says {other}.")]
    record = structs.replace(record, canaries=[canary], anyway=["blank text"], points=points)
    server = Server("http://127.0.0.1:8000/v1", other, other, "1.0")
    times = (first.ttft_ms, first.token_ms, first.floor_ms, first.kernels_ms, first.step_ms)
    single = draw_canaries(record.canaries, record.prefix_cache)
    page = [draw_server(server), single, draw_points(compared(record, other))]
    return page, [*numbers(*times), "believable", "invalid"]


def validated(other, folder):
    """A record whose card, test and sentences are somebody's, with bad memory and a series."""
    record = msgspec.convert(load("validate"), ValidateRecord)
    device = structs.replace(record.devices[0], identity={"name": other, "driver": other})
    tests = [
        structs.replace(one, said=f"it says {other}", do="change the card", traceback=f"in {other}")
        for one in record.tests
    ]
    record = structs.replace(record, host=other, devices=[device], tests=tests, baseline=other)
    whole = [other, f"it says {other}", "300.0 GB/s", ">= 410.4 of 456.0", "change the card"]
    whole += ["own address 1", "0x1000 to 0x1000 (1)", "never throttled", f"in {other}"]
    baseline = msgspec.convert(load("baseline"), BaselineRecord)
    page = [draw_validate(record), draw_baseline(other, baseline)]
    return page, [*whole, "patterns", "fail", "1 figure of"]


def prompts(other, folder):
    text = "How does the river find its way to the sea, and who has seen it? "
    found = inspect([text * 4, text * 5 + "And then?"], None)
    whole = [f"{folder / other}: {found.kind}", "2 prompts", "language score", "compression"]
    whole += [f"{found.middle('compression'):.3f}", "random up to 0"]
    return [draw_inspection(found, folder / other)], whole


def fleet(other, folder):
    kept = msgspec.convert(load("fleet"), FleetRecord)
    failed, *rest = kept.machines
    failed = structs.replace(failed, machine=other, cards=[other] * 3, said=[f"{other} is slow"])
    (outlier,), (drift,), (differs,) = kept.outliers, kept.drifts, kept.differences
    changed = [f"driver of {other}: 1 to 2"]
    variants = [Variant(value=other, machines=[other, "node0001"])]
    record = structs.replace(
        kept, machines=[failed, *rest],
        outliers=[structs.replace(outlier, machine=other, device=other, group=other)],
        drifts=[structs.replace(drift, machine=other, changed=changed)],
        differences=[structs.replace(differs, what=other, usual=other, others=variants)],
        notes=[f"{other} is noted"],
        left_out=[FileLeftOut(file=other, why=f"{other} is cut off.", record=None)],
    )  # fmt: skip
    whole = [other, f"3 x {other}", f"{other} is slow", *changed, f"{other} on {other}, node0001"]
    whole += [f"{outlier.robust:+.1f}", f"{100 * outlier.relative:+.1f} %", f"{other} is noted"]
    whole += [f"left out: {other} is cut off.", "1 fail, 5 pass", failed.last, "bandwidth read"]
    return [draw_fleet(record, every=True)], [*whole, "node0001", "host to device"]


PAGES = {
    page.__name__: page
    for page in (
        kernels, collectives, tuned, providers, contact, doctor, environment_variables,
        machine_code, device_images, launched, decode, swept, bound, library, predicted, published,
        served, traced, prompts, driven, validated, fleet,
    )
}  # fmt: skip
