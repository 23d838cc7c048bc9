"""ipex-llm's own CPU library, by ctypes."""

import ctypes
from pathlib import Path

import numpy as np
import pytest

from truetpot.facts.ipex_llm import qtypes

FLAGS = {
    "avx": {"avx"},
    "avx2": {"avx2", "fma", "f16c"},
    "avx512": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_vnni"},
}
"""What a processor must have for each build. libllama-api.so chooses one of them."""


class Vendor:
    """The functions that quantise, dequantise and convert."""

    def __init__(self, file, build):
        self.build = build
        self.library = ctypes.CDLL(str(file))
        # without it scales in half precision count as zero
        self.library.llama_init_backend()
        self.library.ggml_qk_size.restype = ctypes.c_size_t
        self.library.ggml_type_size.restype = ctypes.c_size_t

    def block(self, format):
        """Weights and bytes of a block."""
        qtype = qtypes()[format]
        return self.library.ggml_qk_size(qtype), self.library.ggml_type_size(qtype)

    def quantise(self, w, format, scale_search=False):
        """Its blocks of a float32 [n, k], as bytes."""
        w = np.ascontiguousarray(w, np.float32)
        size, width = self.block(format)
        out, histogram = np.zeros(w.size // size * width, np.uint8), np.zeros(16, np.int64)
        data, qtype = (_address(w), _address(out)), qtypes()[format]
        if format == "q4_k":
            rows = map(ctypes.c_int, w.shape)
            self.library.ggml_quantize_tensor_with_weights(
                *data, qtype, *rows, _address(histogram), None
            )
        else:
            count, k = ctypes.c_size_t(w.size), ctypes.c_int(w.shape[1])
            self.library.ggml_quantize_tensor(
                *data, qtype, count, k, _address(histogram), scale_search
            )
        return out.tobytes()

    def dequantise(self, blocks, format):
        """Float32 values of its blocks."""
        size, width = self.block(format)
        out = np.full(len(blocks) // width * size, np.nan, np.float32)
        count = ctypes.c_size_t(out.size)
        self.library.ggml_dequantize(blocks, _address(out), count, qtypes()[format])
        return out

    def convert(self, data, format, way):
        """Blocks for the CPU as XPU has them, or the other way: "cpu2xpu", "xpu2cpu"."""
        size, width = self.block(format)
        out, count = np.zeros(len(data), np.uint8), ctypes.c_size_t(len(data) // width * size)
        function = getattr(self.library, f"ggml_q_format_convet_{way}")
        function(data, _address(out), count, qtypes()[format])
        return out.tobytes()


@pytest.fixture(scope="session", params=list(FLAGS))
def vendor(request, ipex_llm_libraries):
    """Each build of the library that this processor runs."""
    lacking = FLAGS[request.param] - _flags()
    if lacking:
        pytest.skip(f"this processor has no {', '.join(sorted(lacking))}")
    return Vendor(ipex_llm_libraries / f"libllama_{request.param}.so", request.param)


def _flags():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def _address(array):
    return ctypes.c_void_p(array.ctypes.data)
