"""Traces made to the schemas that profilers document: none of them comes from a card.

The XPU ones follow kineto's libkineto/src/plugin/xpupti/XpuptiActivityHandlers.cpp, with the names
that vllm-xpu-kernels and oneDNN give their kernels. Times are in microseconds.
"""

from dataclasses import dataclass, field

LAYER = (
    ("void vllm::fused_add_rms_norm_kernel<sycl::half, 8>", 4.0),
    ("gemm_kernel", 60.0),
    ("vllm::rotary_embedding_kernel<sycl::half, true>", 3.0),
    ("vllm::reshape_and_cache_flash_kernel<sycl::half>", 3.5),
    ("cutlass::fmha::kernel::XeFMHAFwdSplitKVKernel<Shape>", 30.0),
    ("cutlass::reduction::kernel::ReduceSplitK<Shape>", 4.5),
    ("gemm_kernel", 45.0),
    ("oneccl_allreduce_pcie<sycl::half>", 20.0),
    ("void vllm::fused_add_rms_norm_kernel<sycl::half, 8>", 4.0),
    ("gemm_kernel", 240.0),
    ("void vllm::act_and_mul_vec_kernel<sycl::half>", 6.0),
    ("gemm_kernel", 120.0),
    ("oneccl_allreduce_pcie<sycl::half>", 20.0),
)
HEAD = (("at::native::xpu::EmbeddingKernel", 5.0),)
TAIL = (
    ("void vllm::rms_norm_kernel<sycl::half>", 4.0),
    ("gemm_kernel", 600.0),
    ("at::native::xpu::ArgMaxOps<float>", 12.0),
)
LAYERS = 3
STEP = (*HEAD, *LAYER * LAYERS, *TAIL)
BUSY_US = sum(duration for _, duration in STEP)
PAUSE_US = 1.0


@dataclass
class Xpu:
    """A trace of torch.profiler on XPU that grows by a kernel at a time."""

    events: list = field(default_factory=list)
    now: float = 1_000_000.0
    launched: int = 0

    def kernel(self, name, duration, *, late=False, pause=PAUSE_US, queue="0x55d0", **args):
        """A kernel ``pause`` after the last; ``late``: submitted only then."""
        start = self.now + pause
        submitted = start - (0.5 * pause if late else 500.0)
        self.launched += 1
        about = {
            "External id": self.launched, "device": 0, "context": 1, "sycl queue": queue,
            "l0 queue": "0x7f10", "correlation": self.launched, "kernel_id": 7,
            "appended": 0, "submitted": 0,
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
    ("zeCommandListAppendMemoryCopy(M2D)[4096]", 2, 5000),
)


def unitrace_csv():
    """``unitrace -d -o``: one table of CSV."""
    lines = ["Kernel, Calls, Time (ns), Time (%), Average (ns), Min (ns), Max (ns)"]
    lines += [f"{name}, {n}, {ns}, 1.0, {ns // n}, 1, {ns}" for name, n, ns in UNITRACE_ROWS]
    return "\n".join(lines) + "\n"


def unitrace_metrics():
    """``unitrace -q``: a row a launch, its head again for each."""
    head = "Kernel,GlobalInstanceId,SubDeviceId,GpuTime[ns],GPU_MEMORY_BYTE_READ[bytes],"
    name = "void f<int, float>(int, float)[SIMD32 {1; 1; 1} {64; 1; 1}]"
    rows = [f"{name},{i},0,{1000 * i},{4096 * i}," for i in (1, 2, 3)]
    return "\n".join(["== Kernel Metrics ==", "", head, *rows[:2], "", head, rows[2]]) + "\n"


def unitrace_chrome(steps=4):
    """``unitrace --chrome-kernel-logging --chrome-call-logging``."""
    events, now, id = [], 50.0, 0
    for _ in range(steps):
        for name, duration in STEP:
            id += 1
            full = f"{name}[SIMD16 {{56; 1; 1}} {{64; 8; 1}}]"
            events.append({"ph": "X", "tid": 3, "pid": 2, "name": full, "cat": "gpu_op",
                           "ts": now + 1, "dur": duration, "args": {"id": str(id)}})  # fmt: skip
            call = "zeCommandListAppendLaunchKernel"
            events.append({"ph": "X", "tid": 1, "pid": 1, "name": call, "cat": "cpu_op",
                           "ts": now - 9, "dur": 2, "args": {"id": str(id)}})  # fmt: skip
            now += 1 + duration
    return {"traceEvents": events}


def rocprof(steps=4):
    """``rocprofv3 --kernel-trace --output-format csv``."""
    head = ("Kind", "Agent_Id", "Queue_Id", "Stream_Id", "Kernel_Id", "Kernel_Name",
            "Correlation_Id", "Start_Timestamp", "End_Timestamp", "Grid_Size_X", "Grid_Size_Y",
            "Grid_Size_Z")  # fmt: skip
    lines, now = [",".join(f'"{one}"' for one in head)], 1_763_021_218_530_103_933
    for i in range(steps):
        for name, duration in STEP:
            end = now + round(duration * 1e3)
            lines.append(f'"KERNEL_DISPATCH","Agent 4",1,1,7,"{name}",{i},{now},{end},512,1,1')
            now = end + 1000
    return "\n".join(lines) + "\n"


def nsys_sum():
    """``nsys stats --report cuda_gpu_kern_sum --format csv``, with what it prints before."""
    return (
        "Processing [report1.sqlite] with [cuda_gpu_kern_sum.py]...\n\n"
        "Time (%),Total Time (ns),Instances,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Name\n"
        '75.0,"3,000",30,100.0,100.0,90,110,1.0,nvjet_tst_64x8\n'
        '25.0,1000,10,100.0,100.0,90,110,1.0,"void f<int, float>(int, float)"\n'
    )


def nsys_trace(steps=4):
    """``nsys stats --report cuda_gpu_trace --format csv``."""
    lines = ["Start (ns),Duration (ns),CorrId,GrdX,GrdY,GrdZ,Device,Ctx,Strm,Name"]
    now = 5000
    for i in range(steps):
        for name, duration in STEP:
            ns = round(duration * 1e3)
            lines.append(f'{now},{ns},{i},4,1,1,"NVIDIA L4 (0)",1,7,"{name}"')
            now += ns + 1000
    return "\n".join(lines) + "\n"


def onednn(layers=2, steps=4):
    """``ONEDNN_VERBOSE=profile_exec`` among a program's own lines."""
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
    """``GGML_VK_PERF_LOGGER=1``: a prompt of 512 tokens, then decoding."""
    block = (
        "----------------\nVulkan Timings:\n"
        "FLASH_ATTN_EXT dst(128,40,{n},1): 64 x 30 us = 1920 us\n"
        "MUL_MAT_VEC q4_K m=5120 n={n} k=5120: 128 x 45.5 us = 5824 us (1152.4 GFLOPS/s)\n"
        "RMS_NORM_MUL RMS_NORM(5120,{n},1,1): 129 x 4 us = 516 us\n"
        "MUL_MAT_VEC q6_K m=152064 n={n} k=5120: 1 x 1500 us = 1500 us (1038.0 GFLOPS/s)\n"
        "Total time: 9760 us.\n"
    )
    return "load: ok\n" + block.format(n=512) + block.format(n=1) * blocks
