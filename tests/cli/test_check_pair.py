"""``truetpot check WITH --without-speculation WITHOUT``, and both in one folder.

The first pair has the figures that steveseguin published for one B70 with Qwen3.6-27B int4 (MTP
46.3, then 14.9 tokens/s at 32k, without 27.69 and 23.27), in llama-benchy's form, which says
nothing of speculation. The second has those of SergiioB's cookbook (MIT, the summary of 9 August
2026) in vLLM's form, with the drafts that were counted.
"""

import json
import shutil

import pytest

from tests.real_files import DATA
from tests.records.kept import exact
from tests.serving.readers.vllm_table_files import table
from truetpot.records.check import CheckRecord

MADE = DATA / "made" / "check"
MTP, NO_MTP = MADE / "21-b70-27b-mtp.json", MADE / "21b-b70-27b-no-mtp.json"
MTP4, NO_SPEC = MADE / "22-b70-27b-mtp4.jsonl", MADE / "22b-b70-27b-no-spec.jsonl"


def squeezed(text):
    return " ".join(text.split())


def pair_of(cli, one, other, *more):
    done = cli("check", one, "--without-speculation", other, *more, "--json")
    assert done.code == 0, done.err
    exact(done.record, CheckRecord)
    (found,) = done.record["pairs"]
    return found


def test_a_collapse_that_is_speculations(cli):
    """1000/46.3 = 21.60 and 1000/14.9 = 67.11 ms with, 36.11 and 42.97 without: it grew by 45.52
    and by 6.86. With x for the context, 21.60 + 45.52 t = 36.11 + 6.86 t at t = 0.3755."""
    pair = pair_of(cli, MTP, NO_MTP, "--device", "arc-pro-b70")
    assert pair["comparable"] and not pair["differs"] and not pair["left_out"]
    near, far = pair["points"]
    assert (near["context"], far["context"]) == (2048 + 63, 34816 + 63)
    assert near["gain"] == pytest.approx(46.3 / 27.69)
    assert far["gain"] == pytest.approx(14.9 / 23.27)
    assert near["tokens_per_step"] is None and near["step_ms"] is None
    (crossing,) = pair["crossings"]
    assert crossing == pytest.approx(2111 + 0.3755 * 32768, rel=1e-3)
    said = " ".join(pair["says"])
    assert "at 34,879 1.56 times slower with speculation" in said
    assert "At context 2,111 decoding is 1.67 times faster with speculation" in said
    assert "3.11 times as long with speculation, 1.19 times without" in said
    assert "of the 45.52 ms that it added with speculation, 38.66 ms at least are" in said
    assert "speculation's, not the cache's" in said
    assert "at context 34,879 a step took 1.56 times a plain one or more" in said


def test_a_gain_at_each_depth(cli):
    """15.91, 16.47, 23.50 ms with four drafted tokens; 31.62, 31.82, 43.39 without."""
    pair = pair_of(cli, MTP4, NO_SPEC, "--device", "arc-pro-b70")
    gains = [point["gain"] for point in pair["points"]]
    assert gains == pytest.approx([1.987, 1.932, 1.846], abs=1e-3)
    assert pair["crossings"] == []
    first = pair["points"][0]
    assert first["tokens_per_step"] == pytest.approx(1 + 1895 / 664)
    assert first["step_ms"] == pytest.approx(15.911 * 3.8539, rel=1e-3)
    assert first["step_over_plain"] == pytest.approx(3.8539 / 1.987, rel=1e-3)
    assert "Speculation is faster at each of the 3 points." in pair["says"][0]
    assert not any("not the cache's" in sentence for sentence in pair["says"])


def test_the_floor_of_a_step_is_that_of_a_plain_one(cli):
    """The weights and the cache once, however many tokens a step verifies: the same for both."""
    asked = ("--model", "qwen3-32b", "--device", "arc-pro-b70", "--format", "int4")
    done = cli("check", MTP4, "--without-speculation", NO_SPEC, *asked, "--json")
    (pair,) = done.record["pairs"]
    plain = [run for run in done.record["runs"] if run["drafts"] is None]
    floors = [run["serving"]["floor_ms"] for run in plain]
    assert [point["floor_ms"] for point in pair["points"]] == pytest.approx(floors)
    # at 131k the plain run is below the floor of that model, which it is not of
    assert done.code == 1
    assert [point["gain"] is None for point in pair["points"]] == [False, False, True]
    assert "(below-floor)" in pair["points"][2]["wrong"]


def test_a_run_that_speculates_untold_is_held_against_no_floor(cli):
    """21.6 ms a token of a model that takes 26.6 ms to read is no impossible one."""
    asked = ("--model", "qwen3-32b", "--device", "arc-pro-b70", "--format", "int4")
    assert cli("check", MTP, *asked).code == 1
    done = cli("check", MTP, "--without-speculation", NO_MTP, *asked, "--json")
    assert done.code == 0
    verdicts = [run["verdict"] for run in done.record["runs"]]
    assert verdicts == ["not-comparable", "not-comparable", "believable", "believable"]
    assert done.record["pairs"][0]["points"][0]["floor_ms"] > 21.6


def test_both_in_a_folder(cli, tmp_path):
    for file in (MTP4, NO_SPEC):
        shutil.copy(file, tmp_path)
    done = cli("check", tmp_path, "--json")
    (pair,) = done.record["pairs"]
    assert [point["gain"] > 1.8 for point in pair["points"]] == [True] * 3
    assert [slope["series"].endswith("with speculation") for slope in done.record["slopes"]] == [
        False, True
    ]  # fmt: skip
    text = squeezed(cli("check", tmp_path).out)
    assert text.startswith("6 runs: 3 not-comparable, 3 undecidable.")
    assert "At context 767 decoding is 1.99 times faster with speculation" in text
    # files that say nothing of it are not guessed
    for file in tmp_path.iterdir():
        file.unlink()
    for file in (MTP, NO_MTP):
        shutil.copy(file, tmp_path)
    assert cli("check", tmp_path, "--json").record["pairs"] == []


def test_two_ways_of_speculation_are_two_pairs(cli, tmp_path):
    for name in ("two", "four"):
        (tmp_path / name).mkdir()
        shutil.copy(MTP4, tmp_path / name)
    shutil.copy(NO_SPEC, tmp_path)
    pairs = cli("check", tmp_path, "--json").record["pairs"]
    assert [len(pair["points"]) for pair in pairs] == [3, 3]
    folders = [{point["file"].split("/")[-2] for point in pair["points"]} for pair in pairs]
    assert folders == [{"four"}, {"two"}]


def changed(tmp_path, file, **more):
    """A copy; with other values in each of its lines, if any are given."""
    if not more:
        return shutil.copy(file, tmp_path)
    lines = [json.loads(line) | more for line in file.read_text().splitlines()]
    path = tmp_path / f"changed-{file.name}"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    return path


def test_two_known_models_are_not_compared(cli, tmp_path):
    one = changed(tmp_path, MTP4, model_id="Qwen/Qwen3-32B")
    other = changed(tmp_path, NO_SPEC, model_id="Qwen/QwQ-32B")
    pair = pair_of(cli, one, other)
    assert not pair["comparable"]
    assert pair["says"] == [
        "Not comparable: the two arms differ in model (Qwen/Qwen3-32B with, Qwen/QwQ-32B without)."
    ]
    assert [point["gain"] for point in pair["points"]] == [None] * 3


def test_a_name_that_differs_is_said(cli, tmp_path):
    """A model with a drafter in it has another name: that alone forbids nothing."""
    other = changed(tmp_path, NO_SPEC, model_id="Qwen3.6-27B-GPTQ-Int4")
    pair = pair_of(cli, MTP4, other)
    assert pair["comparable"]
    (row,) = pair["differs"]
    assert (row["what"], row["without"]) == ("model", "Qwen3.6-27B-GPTQ-Int4")
    text = squeezed(cli("check", MTP4, "--without-speculation", other).out)
    assert "model: Qwen3.6-27B-MTP-Preserved-GPTQ-Int4 with speculation" in text


def test_another_batch_or_context_is_no_pair(cli, tmp_path):
    counts = ("completed", "num_prompts", "total_input_tokens", "total_output_tokens")
    # not the third: a prompt of 131k tokens holds most of its duration, and its batch is near one
    lines = [json.loads(line) for line in NO_SPEC.read_text().splitlines()[:2]]
    for line in lines:  # four at once for as long
        line |= {"max_concurrency": 4} | {key: 4 * line[key] for key in counts}
    four = tmp_path / "four.jsonl"
    four.write_text("\n".join(map(json.dumps, lines)))
    pair = pair_of(cli, MTP4, four)
    assert pair["points"] == [] and not pair["comparable"]
    assert pair["says"] == ["Not comparable: no two runs are at the same context and batch."]
    assert len(pair["left_out"]) == 5
    pair = pair_of(cli, MTP, NO_SPEC)
    # llama-benchy at 2,111 and 34,879 tokens, vLLM at 767, 8,447 and 130,815
    assert pair["points"] == []


def test_tools_that_differ_are_said(cli, tmp_path):
    plain = changed(tmp_path, NO_SPEC, total_input_tokens=5 * 2048)
    pair = pair_of(cli, MTP, plain)
    assert {row["what"] for row in pair["differs"]} >= {"tool", "tokens generated"}
    assert pair["comparable"] and len(pair["points"]) == 1
    assert "by straight lines" not in " ".join(pair["says"])


def test_arms_that_are_swapped(cli):
    done = cli("check", NO_SPEC, "--without-speculation", MTP4)
    assert done.code == 2
    assert "is given as the run without speculation, and says that it speculates" in done.sentence


def test_one_file_as_both_arms(cli):
    done = cli("check", MTP, "--without-speculation", MTP)
    assert done.code == 2 and "but the run without it" in done.sentence


def test_a_folder_as_the_other_arm(cli):
    """Of all that lies there, the runs of the same thing; those that speculate are none of it."""
    done = cli("check", MTP4, "--without-speculation", MADE, "--fail-on", "never", "--json")
    (pair,) = done.record["pairs"]
    assert {point["file_without"] for point in pair["points"]} == {str(NO_SPEC)}
    assert [point["gain"] for point in pair["points"]] == pytest.approx(
        [1.987, 1.932, 1.846], abs=1e-3
    )


def test_as_fast(cli, tmp_path):
    pair = pair_of(cli, changed(tmp_path, NO_MTP), NO_MTP)
    said = " ".join(pair["says"])
    assert "as fast with speculation as without" in said
    assert "slower" not in said and "faster" not in said


def test_an_output_is_no_input(cli):
    before = NO_MTP.read_bytes()
    done = cli("check", MTP, "--without-speculation", NO_MTP, "--json", NO_MTP)
    assert done.code == 2 and NO_MTP.read_bytes() == before


def test_a_missing_file(cli, tmp_path):
    done = cli("check", MTP, "--without-speculation", tmp_path / "none.json")
    assert done.code == 2 and "none.json" in done.sentence


def test_the_step_of_one_run(cli, tmp_path):
    """15.911 ms a token and 3.854 tokens a step: 61.32 ms; the model takes 26.63 ms to read,
    whether a step has one query token or, with 2,656 drafted in 664 steps, five."""
    one = tmp_path / "one.json"
    one.write_text(MTP4.read_text().splitlines()[0])
    asked = ("--model", "qwen3-32b", "--device", "arc-pro-b70", "--format", "int4")
    text = squeezed(cli("check", one, *asked).out)
    assert "A step gave 3.854 tokens and took 61.32 ms; a step of 5 query" in text
    assert "tokens takes 26.63 ms at least." in text
    assert "Speculation: 3.854 tokens a step, 71.3 % of 2,656 drafted tokens accepted" in text
    plain = tmp_path / "plain.json"
    plain.write_text(NO_SPEC.read_text().splitlines()[0])
    assert "A step gave" not in cli("check", plain, *asked).out


DRAFTED = {
    "Acceptance rate (%):": "73.47", "Acceptance length:": "3.20", "Drafts:": "6393",
    "Draft tokens:": "19179", "Accepted tokens:": "14090", "Per-position acceptance (%):": "",
    "  Position 0:": "83.42", "  Position 1:": "72.91", "  Position 2:": "64.07",
}  # fmt: skip


def printed(folder, name, tpot, **more):
    rows = {
        "Successful requests:": "20", "Maximum request concurrency:": "1",
        "Benchmark duration (s):": "309.10", "Total input tokens:": "81920",
        "Total generated tokens:": "20480", "Mean TPOT (ms):": tpot,
    }  # fmt: skip
    (folder / name).write_text(table(rows | more))
    return folder / name


def test_tables_that_name_no_model(cli, tmp_path):
    """12.65 ms and 3.20 tokens a step are 40.48 ms; the mean ITL printed beside them is 40.50."""
    printed(tmp_path, "mtp.txt", "12.65", **DRAFTED)
    whole = {"Benchmark duration (s):": "540.00"}
    printed(tmp_path, "plain.txt", "23.90", **whole)
    (pair,) = cli("check", tmp_path, "--json").record["pairs"]
    (point,) = pair["points"]
    assert point["step_ms"] == pytest.approx(40.48)
    assert point["gain"] == pytest.approx(23.90 / 12.65)
    assert "name no model" in pair["says"][-1]
    # other requests are another workload, which the user may still put side by side
    other = printed(tmp_path, "plain.txt", "23.90", **whole | {"Total input tokens:": "80000"})
    assert cli("check", tmp_path, "--json").record["pairs"] == []
    assert pair_of(cli, tmp_path / "mtp.txt", other)["comparable"]
