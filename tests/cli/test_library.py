"""``truetpot library``: measured kernels of others, judged and held against themselves."""

import json

import pytest

from tests.real_files import DATA, real_file
from tests.records.kept import exact
from truetpot.records.library import LibraryRecord
from truetpot.records.predict import PredictRecord

B60 = DATA / "aiconfigurator"
OPS = real_file("llama_backend_ops.txt")


@pytest.fixture(autouse=True)
def pyarrow():
    pytest.importorskip("pyarrow", reason="no pyarrow: pip install 'truetpot[library]'")


def test_rows_that_cannot_be_true_are_listed_and_make_the_code_one(cli):
    done = cli("library", B60)
    assert done.code == 1
    assert "impossible" in done.out
    assert "109 and 3" in done.out and "73 and 7" in done.out
    assert "20,000" not in done.out
    record = cli("library", B60, "--json").record
    exact(record, LibraryRecord)
    beyond = [row for table in record["tables"] for row in table["beyond"]]
    gemv = [row for row in beyond if row["shape"]["m"] == 1]
    assert sum(not row["may_be_cached"] for row in gemv) == 182
    assert sum(row["may_be_cached"] for row in gemv) == 10


def test_cross_validation_is_printed(cli):
    done = cli("library", B60 / "gemm_vllm_0.20.0_gemm_perf.parquet", "--cross-validate")
    assert done.code == 0
    for words in ("one n", "one k", "(scatter)", "m <= 32, weights beyond the L2"):
        assert words in done.out


def test_without_it_there_are_no_errors(cli):
    record = cli("library", OPS, "--json").record
    exact(record, LibraryRecord)
    assert all(table["cross_validation"] == [] for table in record["tables"])
    assert "1 of MUL_MAT_ID" in record["left_out"]["llama_backend_ops.txt"]


def test_every_row_is_listed_when_it_is_asked_for(cli):
    file = B60 / "gemm_vllm_0.12.0_gemm_perf.parquet"
    short, long = cli("library", file), cli("library", file, "--beyond")
    assert "--beyond lists them" in short.out and "--beyond lists them" not in long.out
    assert long.out.count("impossible") > 1600
    assert short.out.count("impossible") < 100


def test_a_folder_without_tables(cli, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"a": 1}))
    done = cli("library", tmp_path)
    assert done.code == 2
    assert "no table of measured kernels" in done.err


def test_the_record_is_no_table_of_the_library(cli, tmp_path):
    file = tmp_path / "ops.txt"
    file.write_text(OPS.read_text())
    assert cli("library", file, "--json", file).code == 2


PREDICT = ("predict", "--library", B60, "--model", "qwen2.5-32b", "--tp", 4)


def test_a_prediction(cli):
    done = cli(*PREDICT, "--batch", "1,8")
    assert done.code == 0
    for words in ("nothing was measured here", "gate_up", "rope_append", "not in the library"):
        assert words in done.out
    record = cli(*PREDICT, "--batch", "1,8", "--json").record
    exact(record, PredictRecord)
    assert [step["batch"] for step in record["steps"]] == [1, 8]


def test_a_prediction_is_no_yardstick(cli, tmp_path):
    cli(*PREDICT, "--json", tmp_path / "predicted.json")
    (tmp_path / "served.log").write_text("Mean TPOT (ms): 32.40\n")
    done = cli("check", tmp_path / "served.log", "--ladder", tmp_path / "predicted.json")
    assert done.code == 2


def test_the_page_has_what_the_command_prints(cli):
    """The table of docs/predict.md, made anew."""
    page = (DATA.parents[1] / "docs" / "predict.md").read_text()
    for model in ("qwen2.5-32b", "qwen3-32b"):
        given = (*PREDICT, "--model", model, "--batch", "1,8,16,32", "--json")
        for step in cli(*given).record["steps"]:
            span = f"{step['predicted_low_ms']:.1f} to {step['predicted_high_ms']:.1f}"
            row = f"| {model} | {step['batch']} | {span} | {step['borrowed_ms']:.1f} |"
            assert row in page
