"""A listing read: classes, loops, messages, and whose memory a load reads."""

import pytest

from truetpot.errors import UserError
from truetpot.facts.issue_rates import all_issue_rates
from truetpot.isa.addresses import accesses, narrowest, runs
from truetpot.isa.assembly import parse
from truetpot.isa.message import read_message
from truetpot.isa.model import vector_clocks
from truetpot.isa.zeinfo import read_info

DG2, XE2 = all_issue_rates()["acm-g10"], all_issue_rates()["bmg-g21"]

KINDS = """\
L0:
(W) mov (8|M0) r127.0<1>:ud 0x0:ud
 mad (16|M0) acc0.0<1>:f r118.0<1;0>:f r118.0<1;0>:f r122.0<1>:f {Compacted,F@2}
 mad (16|M0) r11.0<1>:hf r9.0<1;0>:hf r7.0<1;0>:hf r5.0<1>:hf {F@2}
(W) mach (1|M0) r3.0<1>:d r8.4<0;1,0>:d r117.1<0;1,0>:d
 mach (8|M0) r3.0<1>:d r8.0<1;1,0>:d r117.0<1;1,0>:d
 bfn.0xF8 (8|M0) r17.0<1>:ud r9.0<1;0>:ud r74.1<0;0>:ud r80.0<0>:ud {$7.dst} // s0&s1|s2
 math.exp (8|M0) r2.0<1>:f r60.0<1;1,0>:f {$0}
 cmp (16|M0) (lt)f1.0 null<1>:d r8.3<0;1,0>:d 0:w {A@1}
 cmp (16|M0) (lt)f1.0 null<1>:f r8.0<1;1,0>:f 1.5:f {A@1}
 dpas.8x4 (8|M0) r16:f r16:f r50:hf r40.0:hf {$8}
 sync.nop null {Compacted,A@1}
(f0.0) goto.b (32|M0) L0 L0
 illegal
"""


def test_classes_and_clocks():
    code = parse(KINDS)
    got = [(i.kind, vector_clocks(i, DG2)) for i in code.instructions]
    assert got == [
        ("integer", 1),
        ("float", 4),  # two passes, and r118 twice in both
        ("float", 1),  # sixteen halves are one pass, three registers of different bundles
        ("integer", 2),  # the high half of a product takes two
        ("integer", 2),
        ("integer", 1),
        ("math", 4),
        ("integer", 2),
        ("float", 2),
        ("dpas", 1),
        ("sync", 1),
        ("branch", 1),
    ]
    assert code.inner_loops() == [range(12)]


SENDS = [
    (("send.ugm (1|M0) r25 r33 null:0 0x1000000 0x6248E500 {$4}"
      " // wr:1+0, rd:4; load.ugm.d32x32t.a32.ca.ca.bti[1]"), 32, "load ugm 128 B block ca.ca"),
    (("send.ugm (8|M0) r36 r35 null:0 0x0 0x62483500 {A@2,$5}"
      " // wr:1+0, rd:4; load.ugm.d32x4.a32.ca.ca.bti[0]"), 32, "load ugm 128 B ca.ca"),
    (("send.ugm (8|M0) r49 r48 null:0 0x2000000 0x62180B00 {$7}"
      " // wr:1+0, rd:1; load.ugm.d16u32.a32.ca.ca.bti[2]"), 32, "load ugm 16 B ca.ca"),
    (("send.dc0 (8|M0) r1 r127 null:0 0x0 0x024844FD {A@1,$0}"
      " // wr:1h+0, rd:4; oword aligned block read x8"), 32, "load dc0 128 B block default"),
    (("send.ugm (1|M0) r49 r40 null:0 0x100000 0x0240F580 {$4}"
      " // wr:1+0, rd:4; load.ugm.d32x64t.a64.flat[A+0x100]"), 64, "load ugm 256 B block default"),
    (("send.ugm (16|M0) null r4 r118:2 0x0 0x640E0504 {$3}"
      " // wr:2+2, rd:0; store.ugm.d32.a32.wb.wb.bti[0]"), 32, "store ugm 64 B wb.wb"),
    (("send.ugm (1|M0) null r9 null:0 0x0 0x6208E500 {$3}"
      " // wr:1+0, rd:0; load.ugm.d32x32t.a32.ca.ca.bti[1]"), 32, "prefetch ugm 128 B block ca.ca"),
    (("send.slm (1|M0) r2 r125 null:0 0x0 0x0210011F {$2}"
      " // wr:1+0, rd:1; fence.slm.none.group"), 32, "fence"),
    (("send.gtwy (1|M0) null r2 null:0 0x0 0x02000004 {A@1,$4}"
      " // wr:1+0, rd:0; signal barrier"), 32, "barrier"),
    (("send.gtwy (8|M0) null r127 null:0 0x0 0x02000010 {EOT,A@1}"
      " // wr:1+0, rd:0; end of thread"), 32, "end"),
    (("send.dc0 (8|M0) null r2 r14:2 0x0 0x020F1001 {$6}"
      " // wr:1h+2, rd:0; hword scratch block write x2"), 32, "store scratch 64 B block default"),
    (("send.ugm (1|M0) null r4 r112:1 0x80600000:a0.2 0x4200D504 {$2}"
      " // wr:1+1, rd:0; store.ugm.d32x16t.a32.ss[a0.2][A-0xFF40]"), 64,
     "store scratch 64 B block default"),
    (("send.ugm (1|M0) r15 r13 null:0 0x0 0x02400203 {I@2,$3}"
      " // wr:1+0, rd:4; load_block2d.ugm.d16.a64"), 64, "load ugm 256 B block default"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "register_bytes", "label"), SENDS)
def test_messages(line, register_bytes, label):
    (send,) = parse(line).instructions
    assert send.kind == "send" and read_message(send, register_bytes).label() == label


def test_a_line_that_is_no_instruction_is_refused():
    with pytest.raises(UserError, match="no instruction"):
        parse("L0:\n  42 %what\n")


@pytest.mark.parametrize(
    ("number", "bits"),
    [
        ("-qnan(0x1FF):hf", 0xFFFF),
        ("qnan(0x3FFFC0):f", 0x7FFFFFC0),
        ("-qnan(0x3F0000):f", 0xFFFF0000),
        ("snan(0x1):f", 0x7F800001),
        ("qnan(0x1):bf", 0x7FC1),
        ("qnan(0x1):df", 0x7FF8000000000001),
        ("-inf:hf", 0xFC00),
        ("1.5:f", 0x3FC00000),
        ("1.5:hf", 0x3E00),
        ("1.5:bf", 0x3FC0),
        ("1.5:df", 0x3FF8000000000000),
    ],
)
def test_a_float_has_the_bits_of_its_type(number, bits):
    (one,) = parse(f"(W) mov (1|M0) r3.0<1>:f {number}\n").instructions
    assert one.sources[0].value == bits


def test_an_unknown_entry_point_is_refused():
    with pytest.raises(UserError, match="no kernel other"):
        read_info("kernels: [{name: one, execution_env: {}}]", "other")


SPILLS = [  # what compilers have written: 22.43, 26.27, and an array in scratch that is no spill
    (("execution_env: {simd_size: 16, grf_count: 128}, per_thread_memory_buffers: "
     "[{type: scratch, usage: single_space, size: 1024}]"), 1024, 0),
    (("execution_env: {simd_size: 16, grf_count: 128, spill_size: 3712}, "
      "per_thread_memory_buffers: "
     "[{type: scratch, usage: spill_fill_space, size: 4096}]"), 3712, 0),
    (("execution_env: {simd_size: 16, grf_count: 128}, per_thread_memory_buffers: "
     "[{type: global, usage: private_space, size: 96}]"), 0, 96),
    ("execution_env: {simd_size: 16, grf_count: 128}", 0, 0),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "spilled", "private"), SPILLS)
def test_spills_are_seen_whatever_the_compiler_calls_them(entry, spilled, private):
    info = read_info(f"kernels: [{{name: one, {entry}}}]", "one")
    assert (info.spill_bytes, info.private_bytes) == (spilled, private)


def test_the_width_that_most_bytes_have():
    assert narrowest([256, 256, 256, 16], 0.9) == 256
    assert narrowest([256, 16, 16, 16], 0.9) == 16
    assert narrowest([], 0.9) is None


ROWS = """\
L0:
(W) mov (8|M0) r2.0<1>:w 0x76543210:v
shl (8|M0) r3.0<1>:d r2.0<1;1,0>:w 4:w
add (8|M0) r4.0<1>:d r3.0<1;1,0>:d r20.3<0;1,0>:d
add (8|M0) r5.0<1>:d r4.0<1;1,0>:d 128:w
mul (8|M0) r6.0<1>:d r2.0<1;1,0>:w r20.4<0;1,0>:d
add (8|M0) r7.0<1>:d r6.0<1;1,0>:d 16:w
send.ugm (8|M0) r36 r4 null:0 0x0 0x6 {$5} // wr:1+0, rd:4; load.ugm.d32x4.a32.ca.ca.bti[0]
send.ugm (8|M0) r40 r5 null:0 0x0 0x6 {$5} // wr:1+0, rd:4; load.ugm.d32x4.a32.ca.ca.bti[0]
send.ugm (8|M0) r44 r6 null:0 0x0 0x6 {$5} // wr:1+0, rd:4; load.ugm.d32x4.a32.ca.ca.bti[1]
send.ugm (8|M0) r48 r7 null:0 0x0 0x6 {$5} // wr:1+0, rd:4; load.ugm.d32x4.a32.ca.ca.bti[1]
"""
INFO = """\
kernels:
- name: rows
  execution_env: {simd_size: 8, grf_count: 128}
  binding_table_indices: [{bti_value: 0, arg_index: 0}, {bti_value: 1, arg_index: 1}]
kernels_misc_info:
- {name: rows, args_info: [{index: 0, name: together}, {index: 1, name: apart}]}
"""


def test_lanes_side_by_side_are_told_from_lanes_in_rows_of_their_own():
    found = accesses(
        parse("(W) or (1|M0) cr0.0<1>:ud cr0.0<0;1,0>:ud 0x4C0:uw\n" + ROWS[4:]),
        read_info(INFO, "rows"),
        DG2.register_bytes,
    )
    together = [nbytes for nbytes, _ in runs(a for a in found if a.arg == "together")]
    apart = [nbytes for nbytes, _ in runs(a for a in found if a.arg == "apart")]
    assert together == [256]  # eight lanes of 16 bytes, and the 128 bytes behind them
    assert apart == [32] * 8


PAIRED = """\
(W) or (1|M0) cr0.0<1>:ud cr0.0<0;1,0>:ud 0x4C0:uw
(W) mov (8|M0) r2.0<1>:w 0x76543210:v
shr (8|M0) r3.0<1>:d r2.0<1;1,0>:w 2:w
sel (8|M0) (lt)f0.0 r4.0<1>:d r3.0<1;1,0>:d r20.3<0;1,0>:d
shl (8|M0) r5.0<1>:d r4.0<1;1,0>:d 7:w
shl (8|M0) r6.0<1>:d r2.0<1;1,0>:w 5:w
bfn.0xF8 (8|M0) r7.0<1>:ud r6.0<1;0>:ud 0x60:uw r5.0<1>:ud
send.ugm (8|M0) r36 r7 null:0 0x0 0x6 {$5} // wr:1+0, rd:8; load.ugm.d64x4.a32.ca.ca.bti[0]
"""


def test_a_load_of_two_rows_is_two_runs():
    """Lanes 0 to 3 have one row, 4 to 7 the next, unless that is past the end: they may be one."""
    (load,) = accesses(parse(PAIRED), read_info(INFO, "rows"), DG2.register_bytes)
    assert load.message.nbytes == 256
    assert [nbytes for nbytes, _ in runs([load])] == [128, 128]


BESIDE = """\
(W) or (1|M0) cr0.0<1>:ud cr0.0<0;1,0>:ud 0x4C0:uw
(W) add (1|M0) r9.4<1>:d r20.3<0;1,0>:d 64:w
(W) mov (1|M0) r5.0<1>:d r9.4<0;1,0>:d
(W) send.ugm (1|M0) r36 r5 null:0 0x0 0x6 {$5} // wr:1+0, rd:4; load.ugm.d32x32t.a32.ca.ca.bti[0]
(W) send.slm (1|M0) r9 r3 null:0 0x0 0x02188500 {$6} // wr:1+0, rd:1; load.slm.d32x1t.a32
(W) add (1|M0) r6.0<1>:d r9.4<0;1,0>:d 128:w
(W) send.ugm (1|M0) r40 r6 null:0 0x0 0x6 {$7} // wr:1+0, rd:4; load.ugm.d32x32t.a32.ca.ca.bti[0]
"""


def test_a_block_of_less_than_a_register_leaves_what_is_beside_it():
    """Compilers keep pointers there: what is read by one later is still its argument's."""
    for elements, bytes_of_runs in ((1, [256]), (4, [256]), (5, [128, 128])):
        code = parse(BESIDE.replace("d32x1t", f"d32x{elements}t"))
        found = accesses(code, read_info(INFO, "rows"), DG2.register_bytes)
        read = runs(one for one in found if one.arg == "together")
        assert [nbytes for nbytes, _ in read] == bytes_of_runs


@pytest.mark.isa
def test_loads_belong_to_their_arguments(compiled):
    listing = compiled("probe.cl", "probe")
    code, info = parse(listing.assembly), read_info(listing.info, "probe")
    (inner,) = code.inner_loops()
    found = accesses(code, info, DG2.register_bytes)
    loads = {
        (a.arg, a.message.nbytes, a.message.block)
        for a in found
        if a.index in inner and a.message.verb == "load"
    }
    assert ("wide", 256, True) in loads or ("wide", 128, True) in loads
    assert ("narrow", 32, False) in loads
    assert any(arg == "table" for arg, _, _ in loads)
    wide = [a for a in found if a.index in inner and a.arg == "wide"]
    narrow = [a for a in found if a.index in inner and a.arg == "narrow"]
    assert [nbytes for nbytes, _ in runs(wide)] == [256]
    assert [nbytes for nbytes, _ in runs(narrow)] == [32]
    stores = {(a.arg, a.message.space) for a in found if a.message.verb == "store"}
    assert stores == {("out", "ugm"), (None, "slm")}
    assert (info.simd, info.barriers, info.spill_bytes, info.slm_bytes >= 64) == (16, 1, 0, True)


@pytest.mark.isa
def test_every_label_lies_where_its_name_says(compiled):
    """Sizes of instructions are not printed: were they wrong, offsets would not meet the labels."""
    for name, function, options in (
        ("probe.cl", "probe", ()),
        ("peak.cl", "peak", ("-DTYPE=float", "-DWIDTH=1")),
    ):
        code = parse(compiled(name, function, *options).assembly)
        before = None
        for label, index in code.labels.items():
            if 0 < index < len(code.instructions):
                before = code.instructions[index - 1]
                size = 8 if before.compacted else 16
                assert before.offset + size == int(label[1:])
        assert before is not None
