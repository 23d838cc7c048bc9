"""Traces made for the tests: none of them comes from a card.

Each says what its fields follow: a source at the commit that was read, or examples in documents.
Kernels have the names that roles.toml found in vllm-xpu-kernels, oneDNN and oneCCL. Times are in
microseconds.
"""

from dataclasses import dataclass, field

LAYER = (
    ("void vllm::fused_add_rms_norm_kernel<sycl::half, 8>", 4.0),
    ("gemm_kernel", 60.0),
    ("vllm::rotary_embedding_kernel<sycl::half, true>", 3.0),
    ("vllm::reshape_and_cache_flash_kernel<sycl::half>", 3.5),
    ("cutlass::fmha::kernel::XeFMHAFwdSplitKVKernel<Shape>", 30.0),
    ("cutlass::fmha::kernel::ReduceSplitK<Shape>", 4.5),
    ("gemm_kernel", 45.0),
    ("oneccl_allreduce_pcie<sycl::half>", 20.0),
    ("void vllm::fused_add_rms_norm_kernel<sycl::half, 8>", 4.0),
    ("gemm_kernel", 240.0),
    ("void vllm::act_and_mul_kernel<sycl::half>", 6.0),
    ("gemm_kernel", 120.0),
    ("oneccl_allreduce_pcie<sycl::half>", 20.0),
)
HEAD = (("triton_poi_fused_embedding_0", 5.0),)
TAIL = (
    ("void vllm::rms_norm_kernel<sycl::half>", 4.0),
    ("gemm_kernel", 600.0),
    ("at::native::xpu::ReduceOp<float, at::native::xpu::ArgMaxOps<float>>", 12.0),
)
LAYERS = 3
STEP = (*HEAD, *LAYER * LAYERS, *TAIL)
BUSY_US = sum(duration for _, duration in STEP)
PAUSE_US = 1.0


@dataclass
class Xpu:
    """A trace of torch.profiler on XPU that grows by a kernel at a time.

    Its arguments are those of pytorch/kineto libkineto/src/plugin/xpupti/
    XpuptiActivityHandlers.cpp@014433b: handles and times are text, queues numbers.
    """

    events: list = field(default_factory=list)
    now: float = 1_000_000.0
    launched: int = 0

    def kernel(self, name, duration, *, late=False, pause=PAUSE_US, queue=3, **args):
        """A kernel ``pause`` after the last; ``late``: submitted only then."""
        start = self.now + pause
        submitted = start - (0.5 * pause if late else 500.0)
        self.launched += 1
        about = {
            "External id": self.launched, "correlation": self.launched,
            "appended": f"{submitted:.3f}", "appended_rel_to_start": f"{submitted - start:.3f}",
            "submitted": f"{submitted:.3f}", "submitted_rel_to_start": f"{submitted - start:.3f}",
            "device": 0, "context": "0x0000000005c1a2b0", "sycl queue": queue,
            "l0 queue": "0x0000000007f10000", "kernel_id": 7, "sycl_node_id": 1,
            "sycl_invocation_id": self.launched,
        }  # fmt: skip
        self.event("kernel", name, start, duration, about | args, tid=9)
        call = {"correlation": self.launched, "External id": self.launched}
        self.event("xpu_runtime", "urEnqueueKernelLaunch", submitted, 4.0, call, tid=1)
        self.now = start + duration
        return self

    def event(self, cat, name, start, duration, args=None, tid=1):
        """Any event with a duration."""
        self.events.append(
            {"ph": "X", "cat": cat, "name": name, "pid": 0, "tid": tid, "ts": start,
             "dur": duration, "args": args or {}}
        )  # fmt: skip

    def step(self, kernels=STEP, scale=1.0, mark=None, **how):
        """All kernels of a step; ``mark`` names a range over it on the device."""
        began = self.now
        for name, duration in kernels:
            self.kernel(name, duration * scale, **how)
        if mark is not None:
            self.event("gpu_user_annotation", mark, began + 0.5, self.now - began - 0.5)
        return self

    def file(self, **beside):
        """What ``export_chrome_trace`` writes."""
        return {
            "schemaVersion": 1,
            "deviceProperties": [{"id": 0, "name": "Intel(R) Arc(TM) Pro B60 Graphics"}],
            "traceEvents": self.events,
            **beside,
        }


def xpu(steps=5, **how):
    """A trace of equal decode steps."""
    made = Xpu()
    for _ in range(steps):
        made.step(**how)
    return made


UNITRACE_ROWS = (
    ("gemm_kernel[SIMD16 {160; 1; 1} {16; 4; 1}]", 12, 720000),
    ("void f<int, float>(int, float)[SIMD32 {1; 1; 1} {64; 1; 1}]", 3, 6000),
    ("one_width[SIMD_ANY {2; 1; 1} {64; 1; 1}]", 1, 1000),
    ("no_width {2; 1; 1} {64; 1; 1}]", 1, 1000),
    ("zeCommandListAppendMemoryCopy(M2D)[4096]", 2, 5000),
)
"""As intel/pti-gpu tools/unitrace/src/levelzero/ze_collector.h@01281b5 writes names: a width of 1
is ANY, and one of 0 is left out with the bracket that opens."""


def unitrace_csv():
    """``unitrace -d -o``: one table of CSV, its head that of the files in tests/data/pti-gpu.

    Those are of a version that did not quote names; ze_collector.h@01281b5 does.
    """
    lines = ["Kernel, Calls, Time (ns), Time (%), Average (ns), Min (ns), Max (ns)"]
    lines += [f'"{name}", {n}, {ns}, 1.0, {ns // n}, 1, {ns}' for name, n, ns in UNITRACE_ROWS]
    return "\n".join(lines) + "\n"


def unitrace_metrics():
    """``unitrace -q``: a row a launch, its head again for each, as in tests/data/pti-gpu.

    A later unitrace has a GlobalInstanceId and quotes names; the commit was not told.
    """
    head = "Kernel,GlobalInstanceId,SubDeviceId,GpuTime[ns],GPU_MEMORY_BYTE_READ[bytes],"
    name = "void f<int, float>(int, float)[SIMD32 {1; 1; 1} {64; 1; 1}]"
    rows = [f'"{name}",{i},0,{1000 * i},{4096 * i},' for i in (1, 2, 3)]
    return "\n".join(["=== Device #0 Metrics ===", "", head, *rows[:2], "", head, rows[2]]) + "\n"


UNITRACE_SCALE = 2
"""Of the durations of STEP: unitrace writes whole microseconds."""


def unitrace_chrome(steps=4):
    """``unitrace --chrome-kernel-logging --chrome-call-logging``.

    intel/pti-gpu tools/unitrace/src/chromelogger.h@0459850: the host's calls have no id in their
    arguments; arrows lead from each to its kernel. Processes of devices count down from 2^32.
    """
    host, device = {"tid": 1, "pid": 1}, {"tid": 4294967295, "pid": 4294967295}
    events, now, id = [], 50, 0
    for _ in range(steps):
        for name, duration in STEP:
            id += 1
            full, length = (
                f"{name}[SIMD16 {{56; 1; 1}} {{64; 8; 1}}]",
                int(duration * UNITRACE_SCALE),
            )
            call = "zeCommandListAppendLaunchKernel"
            there, back = f"Flow_H2D_{id}_0", f"Flow_D2H_{id}_0"
            events += [
                {"ph": "X", **host, "name": call, "cat": "cpu_op", "ts": now - 9, "dur": 2,
                 "id": 0},
                {"ph": "s", **host, "name": "dep", "cat": there, "ts": now - 9, "id": id},
                {"ph": "X", **device, "name": full, "cat": "gpu_op", "ts": now + 1, "dur": length,
                 "args": {"id": str(id)}},
                {"ph": "t", **device, "name": "dep", "cat": there, "ts": now + 1, "id": id},
                {"ph": "s", **device, "name": "dep", "cat": back, "ts": now + 1, "id": id},
            ]  # fmt: skip
            now += 1 + length
    return {"traceEvents": events}


ROCPROF = (
    '"Kind","Agent_Id","Queue_Id","Stream_Id","Thread_Id","Dispatch_Id","Kernel_Id","Kernel_Name",'
    '"Correlation_Id","Start_Timestamp","End_Timestamp","LDS_Block_Size","Scratch_Size",'
    '"VGPR_Count","Accum_VGPR_Count","SGPR_Count","Workgroup_Size_X","Workgroup_Size_Y",'
    '"Workgroup_Size_Z","Grid_Size_X","Grid_Size_Y","Grid_Size_Z"'
)


def rocprof(steps=4):
    """``rocprofv3 --kernel-trace --output-format csv``.

    ROCm/rocprofiler-sdk source/lib/output/generateCSV.cpp@00f9d2c.
    """
    lines, now = [ROCPROF], 1_763_021_218_530_103_933
    for i in range(steps):
        for name, duration in STEP:
            end = now + round(duration * 1e3)
            lines.append(
                f'"KERNEL_DISPATCH","Agent 4",1,1,77,{i},7,"{name}",{i},{now},{end},'
                "0,0,8,0,16,64,1,1,512,1,1"
            )
            now = end + 1000
    return "\n".join(lines) + "\n"


def nsys_sum():
    """``nsys stats --report cuda_gpu_kern_sum --format csv``, with what it prints before.

    Written from descriptions: neither a source nor a report of others was read.
    """
    return (
        "Processing [report1.sqlite] with [cuda_gpu_kern_sum.py]...\n\n"
        "Time (%),Total Time (ns),Instances,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Name\n"
        '75.0,"3,000",30,100.0,100.0,90,110,1.0,nvjet_tst_64x8\n'
        '25.0,1000,10,100.0,100.0,90,110,1.0,"void f<int, float>(int, float)"\n'
    )


NSYS_TRACE = (
    "Start (ns),Duration (ns),CorrId,GrdX,GrdY,GrdZ,BlkX,BlkY,BlkZ,Reg/Trd,StcSMem (MB),"
    "DymSMem (MB),Bytes (MB),Throughput (MB/s),SrcMemKd,DstMemKd,Device,Ctx,GreenCtx,Strm,Name"
)


def nsys_trace(steps=4):
    """``nsys stats --report cuda_gpu_trace --format csv``: the head that others' reports have."""
    lines = [NSYS_TRACE]
    now = 5000
    for i in range(steps):
        for name, duration in STEP:
            ns = round(duration * 1e3)
            lines.append(
                f'{now},{ns},{i},4,1,1,128,1,1,32,0.000,0.000,,,,,"NVIDIA L4 (0)",1,,7,"{name}"'
            )
            now += ns + 1000
    return "\n".join(lines) + "\n"


def onednn(layers=2, steps=4):
    """``ONEDNN_VERBOSE=profile_exec`` among a program's own lines.

    uxlfoundation/oneDNN doc/performance_considerations/verbose.md@13d58e9.
    """
    line = (
        "onednn_verbose,v1,primitive,exec,gpu,matmul,jit:gemm:any,undef,src:f16::blocked:ab::f0 "
        "wei:u4::blocked:ba::f0 dst:f16::blocked:ab::f0,attr-scales:wei:3:f16:64x1,,"
        "1x{k}:{k}x{n},{ms}"
    )
    one = [(7168, 5120, 0.06), (5120, 5120, 0.045), (55296, 5120, 0.24), (5120, 27648, 0.12)]
    lines = ["INFO model loaded", "onednn_verbose,v1,info,oneDNN v3.11.0 (commit 1234)"]
    for _ in range(steps):
        lines += [line.format(n=n, k=k, ms=ms) for n, k, ms in one * layers]
        lines.append(line.format(n=152064, k=5120, ms=0.6))
    return "\n".join(lines) + "\n"


def llama(blocks=3):
    """``GGML_VK_PERF_LOGGER=1``: a prompt of 512 tokens, then decoding.

    Names of operators are ggml-org/llama.cpp ggml/src/ggml.c@00bdaa1's; how the logger puts shapes
    and a fusion's name to them was read in a copy of ggml-vulkan.cpp without its commit.
    """
    block = (
        "----------------\nVulkan Timings:\n"
        "FLASH_ATTN_EXT dst(128,40,{n},1),  q(128,{n},40,1),  k(128,512,8,1),  v(128,512,8,1),"
        "  m(512,{n},1,1): 64 x 30 us = 1920 us (126.823 GFLOPS/s)\n"
        "MUL_MAT_VEC q4_K m=5120 n={n} k=5120: 128 x 45.5 us = 5824 us (1152.4 GFLOPS/s)\n"
        "RMS_NORM_MUL RMS_NORM(5120,{n},1,1): 129 x 4 us = 516 us\n"
        "MUL_MAT_VEC q6_K m=152064 n={n} k=5120: 1 x 1500 us = 1500 us (1038.0 GFLOPS/s)\n"
        "Total time: 9760 us.\n"
    )
    return "load: ok\n" + block.format(n=512) + block.format(n=1) * blocks
