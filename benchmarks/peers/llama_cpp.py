"""Our int4 linear beside llama.cpp's on one CPU, in one process: Q4_0 against sym_int4.

    pip download --no-deps --no-binary llama-cpp-python llama-cpp-python
    tar xzf llama_cpp_python-*.tar.gz && cd llama_cpp_python-*/vendor/llama.cpp
    cmake -S . -B build -DGGML_NATIVE=ON && cmake --build build --target ggml
    python -m benchmarks.peers.llama_cpp --ggml build/bin --n 27648 --k 5120

llama.cpp's part is ggml's CPU backend, with the weights in the buffer that llama.cpp itself would
take (the first of the backend's extra ones: AMX or repacked). x is float32 there, which it rounds
to 8 bits in blocks of 32 in every call, and bf16 here. As many matrices in turn as leave the last
cache; both go through theirs alternately, and the ratio is that of bytes read a second. A Q4_0
weight has 4.5 bits, one of sym_int4 4.25. ``--threads 1`` counts the thread's processor time, for a
machine that others use.
"""

from __future__ import annotations

import argparse
import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import numpy as np

Q4_0, BLOCK, BLOCK_BYTES = 2, 32, 18
"""ggml's number of the type; weights of a block; fp16 scale and nibbles."""


class _Params(ctypes.Structure):
    _fields_ = (
        ("mem_size", ctypes.c_size_t),
        ("mem_buffer", ctypes.c_void_p),
        ("no_alloc", ctypes.c_bool),
    )


class Ggml:
    """Products with Q4_0 matrices on ggml's CPU backend; each call goes through all of them."""

    def __init__(self, folder: Path, threads: int) -> None:
        for name in ("base", "cpu"):
            ctypes.CDLL(str(folder / f"libggml-{name}.so"), mode=ctypes.RTLD_GLOBAL)
        self._library = ctypes.CDLL(str(folder / "libggml.so"), mode=ctypes.RTLD_GLOBAL)
        self._backend = self._pointer("ggml_backend_cpu_init")
        self._library.ggml_backend_cpu_set_n_threads(ctypes.c_void_p(self._backend), threads)
        self._kind = self._buffer_type()
        name = self._library.ggml_backend_buft_name
        name.restype = ctypes.c_char_p
        self.buffer = name(ctypes.c_void_p(self._kind)).decode()

    def _pointer(self, name: str, *args: object) -> int:
        """What a function that returns a pointer returns; integers are pointers too."""
        function = getattr(self._library, name)
        function.restype = ctypes.c_void_p
        return function(*(ctypes.c_void_p(a) if isinstance(a, int) else a for a in args))

    def _buffer_type(self) -> int:
        device = self._pointer("ggml_backend_get_device", self._backend)
        registry = self._pointer("ggml_backend_dev_backend_reg", device)
        found = self._pointer(
            "ggml_backend_reg_get_proc_address", registry, b"ggml_backend_dev_get_extra_bufts"
        )
        kinds = ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)(found)(device)
        return kinds[0] or self._pointer("ggml_backend_get_default_buffer_type", self._backend)

    def _context(self) -> int:
        return self._pointer("ggml_init", _Params(1 << 24, None, True))

    def load(self, blocks: list[np.ndarray], k: int, x: np.ndarray) -> None:
        """Matrices [n, k / 32, 18] bytes, and x [m, k] float32."""
        weights, rest, sizes = self._context(), self._context(), ctypes.c_int64
        n = len(blocks[0])
        matrices = [
            self._pointer("ggml_new_tensor_2d", weights, ctypes.c_int(Q4_0), sizes(k), sizes(n))
            for _ in blocks
        ]
        self._pointer("ggml_backend_alloc_ctx_tensors_from_buft", weights, self._kind)
        for matrix, block in zip(matrices, blocks, strict=True):
            self._set(matrix, block)
        taken = self._pointer(
            "ggml_new_tensor_2d", rest, ctypes.c_int(0), sizes(k), sizes(len(x))
        )
        self._products = [self._pointer("ggml_mul_mat", rest, w, taken) for w in matrices]
        self._graph = self._pointer("ggml_new_graph", rest)
        for product in self._products:
            self._pointer("ggml_build_forward_expand", self._graph, product)
        self._pointer("ggml_backend_alloc_ctx_tensors", rest, self._backend)
        self._set(taken, x)

    def _set(self, tensor: int, values: np.ndarray) -> None:
        data, size = ctypes.c_void_p(values.ctypes.data), ctypes.c_size_t(values.nbytes)
        self._library.ggml_backend_tensor_set(
            ctypes.c_void_p(tensor), data, ctypes.c_size_t(0), size
        )

    def run(self) -> None:
        """Every product once."""
        compute = self._library.ggml_backend_graph_compute
        status = compute(ctypes.c_void_p(self._backend), ctypes.c_void_p(self._graph))
        if status:
            raise RuntimeError(f"ggml_backend_graph_compute returned {status}.")

    def result(self, m: int, n: int) -> np.ndarray:
        """The first product [m, n]."""
        out = np.empty((m, n), np.float32)
        self._library.ggml_backend_tensor_get(
            ctypes.c_void_p(self._products[0]), ctypes.c_void_p(out.ctypes.data),
            ctypes.c_size_t(0), ctypes.c_size_t(out.nbytes),
        )  # fmt: skip
        return out


def q4_0(n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    """Random blocks [n, k / 32, 18], uint8."""
    blocks = rng.integers(0, 256, (n, k // BLOCK, BLOCK_BYTES), np.uint8)
    scales = rng.uniform(0.5, 1.5, (n, k // BLOCK)).astype(np.float16)
    blocks[:, :, :2] = scales[..., None].view(np.uint8)
    return blocks


def dequantised(blocks: np.ndarray) -> np.ndarray:
    """float32 [n, k]: byte j has elements j and j + 16, less 8, times the scale."""
    scales = np.ascontiguousarray(blocks[:, :, :2]).view(np.float16).astype(np.float32)
    codes = blocks[:, :, 2:]
    values = np.concatenate([codes & 15, codes >> 4], axis=2).astype(np.float32) - 8
    return (values * scales).reshape(len(blocks), -1)


def ours(m: int, n: int, k: int, copies: int) -> Callable[[], None]:
    """Our linear over as many matrices, with the default's launch parameters; checked once."""
    from truetpot.measure.prepared import PreparedCase
    from truetpot.ops import LINEAR, LinearCase
    from truetpot.ops.registry import REGISTRY
    from truetpot.runtime.choose import choose_device

    REGISTRY.load_builtin()
    case, device = LinearCase("bf16", m, n, k, "sym_int4"), choose_device("cpu")
    kernel = REGISTRY.build("linear", "numba", case, device)
    prepared = PreparedCase(LINEAR, case, device)
    verdict = prepared.check(kernel)
    if not verdict.ok:
        raise RuntimeError(f"Our kernel is wrong: {verdict.reason}.")
    held = prepared.copies(kernel, copies)

    def run() -> None:
        for args in held:
            kernel(**args)

    return run


def seconds(call: Callable[[], None], clock: Callable[[], float]) -> float:
    """Of one call."""
    start = clock()
    call()
    return clock() - start


def main() -> None:
    """Print both, and the median and quartiles of their ratio, round by round."""
    import numba

    from truetpot.runtime.host import cache_bytes, cpuinfo, state

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ggml", type=Path, required=True, help="folder with libggml*.so")
    parser.add_argument("--m", type=int, default=1)
    parser.add_argument("--n", type=int, default=27648)
    parser.add_argument("--k", type=int, default=5120)
    parser.add_argument("--threads", type=int, default=numba.get_num_threads())
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    m, n, k = given.m, given.n, given.k
    theirs_bytes, our_bytes = n * k // BLOCK * BLOCK_BYTES, n * k * 17 // 32
    copies = max(2, -(-2 * (cache_bytes() or 1 << 26) // our_bytes))
    numba.set_num_threads(given.threads)
    clock = time.perf_counter if given.threads > 1 else time.thread_time
    peer = Ggml(given.ggml, given.threads)
    rng = np.random.default_rng(0)
    blocks, x = q4_0(n, k, rng), rng.standard_normal((m, k), np.float32)
    peer.load([blocks] * copies, k, x)
    peer.run()
    want = x @ dequantised(blocks).T
    error = float(np.linalg.norm(peer.result(m, n) - want) / np.linalg.norm(want))
    if not error < 0.02:
        raise RuntimeError(f"llama.cpp's product is wrong by {error:.2g}.")
    run = ours(m, n, k, copies)
    run()
    pairs = [(seconds(peer.run, clock), seconds(run, clock)) for _ in range(given.rounds)]
    ratios = [theirs / mine * our_bytes / theirs_bytes for theirs, mine in pairs]
    low, _, high = quantiles(ratios, n=4)
    theirs_s, our_s = (median(column) / copies for column in zip(*pairs, strict=True))
    print(f"{cpuinfo().get('model name')}; load {state()['load_average']}; m={m} n={n} k={k}")
    print(f"{given.threads} threads, {clock.__name__}")
    rates = theirs_bytes / theirs_s * 1e-9, our_bytes / our_s * 1e-9
    print(f"llama.cpp, {peer.buffer}: {rates[0]:6.2f} GB/s, error {error:.1g}")
    print(f"truetpot, sym_int4: {rates[1]:6.2f} GB/s")
    print(f"bytes a second, ours over theirs: {median(ratios):.2f} ({low:.2f} to {high:.2f})")
    print(f"time, theirs over ours: {median(t / o for t, o in pairs):.2f}")


if __name__ == "__main__":
    main()
