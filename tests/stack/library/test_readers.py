"""Files of every source, by content; and files that are none."""

import json
import shutil

import pytest

from tests.hostile import TEXTS
from tests.real_files import DATA, real_file
from truetpot.errors import UserError
from truetpot.stack.library.llama import read_llama
from truetpot.stack.library.physics import beyond
from truetpot.stack.library.read import read_library

RECORDS = DATA / "made" / "records"
ASV = {
    "commit_hash": "0123456789abcdef",
    "env_name": "existing",
    "params": {"machine": "m", "gpu": "Intel(R) Arc(TM) B580 Graphics", "cpu": "a cpu"},
    "result_columns": ["result", "params", "version"],
    "results": {
        "linear.Linear.track_device_time": [
            [1e-4, None, 3e-4, float("nan")],
            [["'xpu'"], ["'triton'"], ["'sym_int4'", "'bf16'"], ["'qkv'", "'o'"]],
            "2",
        ],
        "floor.Floor.track_ms": [[1.0], [], "1"],
        "linear.LinearAdd.track_device_time": None,
    },
    "version": 2,
}


def test_llama_cpp():
    tables, others = read_llama(real_file("llama_backend_ops.txt").read_text(), "ops.txt")
    found = {(one.op, one.format, one.origin.stack): one for one in tables}
    assert len(found) == 5
    int4 = found["linear", "q4_0", "llama.cpp SYCL0"]
    assert int4.rows == {(1, 4096, 14336): 119.75e-6, (8, 4096, 14336): 390.5e-6}
    assert int4.demand((1, 4096, 14336)) == 4096 * 14336 * 18 // 32
    assert {one.origin.card.key for one in tables} == {"arc-a770"}
    attention = found["decode_attention", "f16", "llama.cpp SYCL0"]
    assert attention.rows == {(1, 8192, 32, 8, 128, 0): 350e-6}
    assert attention.demand((1, 8192, 32, 8, 128, 0)) == 2 * 8 * 128 * 8192 * 2
    assert others == {"ADD": 1, "MUL_MAT": 1, "MUL_MAT_ID": 1, "FLASH_ATTN_EXT": 1}
    (row,) = beyond(found["linear", "q4_K", "llama.cpp SYCL0"])
    assert not row.cached
    assert row.gb_s == pytest.approx(4096 * 14336 * 4.5 / 8 / 40e-6 / 1e9)
    assert ("linear", "q4_0", "llama.cpp Vulkan0") in found


def test_the_console_of_a_real_run():
    """Not read: two products of batches or views, V inside K, and a sparse mask of 512 tokens.

    The sparse row has the shape of the dense one with 4096 tokens, of which it reads an eighth.
    """
    tables, others = read_llama(real_file("llama_ops_cpu.txt").read_text(), "ops.txt")
    found = {(one.op, one.format): one for one in tables}
    linear = {op_format[1] for op_format in found if op_format[0] == "linear"}
    assert linear == {"f16", "bf16", "q4_0", "q8_0", "mxfp4", "q4_K"}
    assert found["linear", "q4_0"].rows == {
        (1, 4096, 14336): pytest.approx(10422.73e-6),
        (4, 4096, 14336): pytest.approx(17584.18e-6),
    }
    attention = found["decode_attention", "f16"].rows
    assert set(attention) == {(1, 7680, 64, 8, 64, 0), (1, 8192, 32, 8, 128, 0)}
    assert set(found["decode_attention", "q8_0"].rows) == {
        (1, 7680, 64, 8, 64, 0), (1, 4096, 32, 2, 256, 0),
    }  # fmt: skip
    assert others == {"MUL_MAT": 2, "FLASH_ATTN_EXT": 2}
    assert {(one.origin.stack, one.origin.device) for one in tables} == {
        ("llama.cpp CPU", "AMD EPYC")
    }


def test_sql_of_a_real_run():
    """It has the commit and leaves the device empty."""
    tables, others = read_llama(real_file("llama_ops_cpu.sql").read_text(), "ops.sql")
    found = {(one.op, one.format): one.rows for one in tables}
    assert found == {
        ("linear", "q4_0"): {(1, 4096, 14336): pytest.approx(14086e-6)},
        ("linear", "q1_0"): {(1, 4096, 14336): pytest.approx(5022.318841e-6)},
        ("decode_attention", "f16"): {(1, 8192, 32, 8, 128, 0): pytest.approx(21132.716667e-6)},
    }
    assert others == {}
    assert {(one.origin.version, one.origin.device) for one in tables} == {
        ("0c1e570-dirty", "not named")
    }


def test_csv_has_no_times(tmp_path):
    shutil.copy(real_file("llama_ops_cpu.csv"), tmp_path)
    with pytest.raises(UserError, match="CSV of test-backend-ops, which has no times"):
        read_library(tmp_path)
    shutil.copy(real_file("llama_ops_cpu.sql"), tmp_path)
    assert "--output sql" in read_library(tmp_path).left_out["llama_ops_cpu.csv"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'perf', '1'", "'perf', '0'"),
        ("'perf'", "'test'"),
        ("'14086.000000'", "'fast'"),
        ("'14086.000000'", "'-1.0'"),
        ("'14086.000000'", "'nan'"),
        ("'MUL_MAT'", "MUL_MAT', "),
        ("op_name, ", ""),
    ],
)
def test_a_row_of_sql_without_a_time(before, after):
    row = next(
        line for line in real_file("llama_ops_cpu.sql").read_text().splitlines() if "q4_0" in line
    )
    assert read_llama(row, "ops.sql")[0]
    assert before in row
    assert read_llama(row.replace(before, after), "ops.sql")[0] == []


def test_a_name_with_brackets_in_the_parameters():
    """Operators of a model's own graph have the names of its tensors."""
    line = "  MUL_MAT(name=Qcur-0 (view),type=f32,ne=[1,1,1,1]):   10 runs -  5.00 us/run - x"
    assert read_llama(line, "ops.txt") == ([], {"MUL_MAT": 1})


def test_own_records(tmp_path):
    shutil.copy(RECORDS / "decode-h200.json", tmp_path)
    shutil.copy(RECORDS / "floor.json", tmp_path)
    library = read_library(tmp_path)
    assert {one.origin.card.key for one in library.tables} == {"h200"}
    assert "argmax" in {one.op for one in library.tables}
    assert "no record of kernels or decode" in library.left_out["floor.json"]


def test_a_record_of_kernels(tmp_path):
    record = json.loads((RECORDS / "kernels.json").read_text())
    row = next(one for one in record["results"] if one["op"] == "linear" and one["median_s"])
    hot = {**row, "cache": "hot", "case": "dtype=fp16 m=2 n=64 k=128 weight_format=bf16"}
    cold = {**row, "cache": "rotated", "case": "dtype=fp16 m=1 n=64 k=128 weight_format=bf16 bias"}
    record["results"] = [hot, {**cold, "status": "ok"}]
    (tmp_path / "kernels.json").write_text(json.dumps(record))
    (table,) = read_library(tmp_path).tables
    assert (table.op, table.format, table.axes) == ("linear", "bf16", ("m", "n", "k"))
    assert table.rows == {(1, 64, 128): row["median_s"]}


def test_an_invalid_run_has_no_kernels(tmp_path):
    record = json.loads((RECORDS / "decode-h200.json").read_text())
    (tmp_path / "decode.json").write_text(json.dumps({**record, "valid": False}))
    with pytest.raises(UserError, match="no table of measured kernels"):
        read_library(tmp_path)


def test_results_of_asv(tmp_path):
    (tmp_path / "0123-existing.json").write_text(json.dumps(ASV))
    (table,) = read_library(tmp_path).tables
    assert table.op == "linear.Linear"
    assert table.rows == {
        ("'xpu', 'triton', 'sym_int4', 'qkv'",): 1e-4,
        ("'xpu', 'triton', 'bf16', 'qkv'",): 3e-4,
    }
    assert table.origin.card.key == "arc-b580"
    assert table.demand(next(iter(table.rows))) is None


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_that_is_no_table(name, tmp_path):
    (tmp_path / "file.txt").write_bytes(TEXTS[name])
    with pytest.raises(UserError, match="no table of measured kernels") as caught:
        read_library(tmp_path)
    assert len(str(caught.value).splitlines()) == 1
    shutil.copy(real_file("llama_backend_ops.txt"), tmp_path)
    library = read_library(tmp_path)
    assert library.tables
    assert library.left_out["file.txt"]


def broken(content):
    middle = len(content) // 2
    yield "cut off", content[:middle]
    yield "magic alone", b"PAR1"
    yield "twice the magic", b"PAR1" * 2
    yield "a footer of another length", content[:-8] + b"\xff\0\0\0PAR1"
    yield "zeros", content[:4] + bytes(middle) + content[-8:]


def test_broken_parquet(b60, tmp_path):
    content = (b60 / "comm_oneccl_2021.17.2_oneccl_perf.parquet").read_bytes()
    for name, one in broken(content):
        (tmp_path / "broken.parquet").write_bytes(one)
        with pytest.raises(UserError, match=r"broken\.parquet") as caught:
            read_library(tmp_path)
        assert len(str(caught.value).splitlines()) == 1, name


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("latency", -1.0),
        ("latency", float("nan")),
        ("m", None),
        ("m", -1),
        ("op_name", "\x1b[2J"),
        ("gemm_dtype", None),
    ],
)
def test_a_row_that_is_none(b60, tmp_path, column, value):
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {
        "framework": "VLLM", "version": "1", "device": "d", "op_name": "gemm",
        "kernel_source": "k", "gemm_dtype": "fp8", "m": 1, "n": 2, "k": 3, "latency": 0.1,
    }  # fmt: skip
    pq.write_table(pa.Table.from_pylist([row, {**row, column: value}]), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"a\.parquet") as caught:
        read_library(tmp_path)
    assert str(caught.value).isprintable()


def test_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"pip install 'truetpot\[library\]'"):
        read_library(tmp_path)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_library(tmp_path / "none")
