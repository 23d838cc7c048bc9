"""Files say what vLLM's loaders look for, and what people keep is read."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import hostile
from tests.hostile import SPECIAL, read_or_refused, refused, special_files
from truetpot.errors import UserError
from truetpot.serving.prompts import corpus, forms
from truetpot.serving.prompts.compose import Prompt, compose, extract

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
TRICKY = 'quote " slash \\ line\nbreak \u2028 \u2029 \x85 \x0b \x00 \x7f </s> 山 \U0001f600'


def custom_dataset(text, count, output_len=-1):
    """CustomDataset.load_data and .sample of vllm/benchmarks/datasets/datasets.py, v0.33.0."""
    rows = [json.loads(line) for line in text.split("\n") if line]
    samples = []
    for row in rows:
        wanted = int(row["output_tokens"]) if output_len in (None, -1) else output_len
        samples.append((row["prompt"], count(row["prompt"]), wanted))
    return samples


def sharegpt_dataset(text, count):
    """ShareGPTDataset.load_data and .sample, with is_valid_sequence, of the same file."""
    samples = []
    for entry in json.loads(text):
        if "conversations" not in entry or len(entry["conversations"]) < 2:
            continue
        prompt, completion = (turn["value"] for turn in entry["conversations"][:2])
        prompt_len, output_len = count(prompt), count(completion)
        too_short = prompt_len < 4 or output_len < 4
        if not too_short and prompt_len <= 1024 and prompt_len + output_len <= 2048:
            samples.append((prompt, prompt_len, output_len))
    return samples


def test_vllm_reads_the_custom_form(tokenizer, count):
    made = compose(corpus.shipped("both"), tokenizer, tokens=222, count=12)
    samples = custom_dataset(forms.vllm(made, 4096), count)
    assert samples == [(prompt.text, 222, 4096) for prompt in made]


@pytest.mark.parametrize(("tokens", "output"), [(1024, 1024), (40, 2008), (500, 4)])
def test_vllm_keeps_all_of_the_sharegpt_form(tokenizer, count, tokens, output):
    made = compose(corpus.shipped("en"), tokenizer, tokens=tokens, count=6)
    forms.check_sharegpt(tokens, output)
    answer = extract(corpus.shipped("en"), tokenizer, output)
    samples = sharegpt_dataset(forms.sharegpt(made, answer), count)
    assert samples == [(prompt.text, tokens, output) for prompt in made]


@pytest.mark.parametrize(
    ("tokens", "output"), [(1025, 100), (1024, 1025), (100, 1949), (100, 3), (2000, 0)]
)
def test_what_vllm_would_drop_is_refused(tokens, output):
    with pytest.raises(UserError, match="ShareGPT loader would drop"):
        forms.check_sharegpt(tokens, output)


def test_the_form_is_marked():
    """The faulty kinds say so in every line."""
    prompts = [Prompt("abc", 3, "random"), Prompt("def", 3, "repeated", "music", "en")]
    rows = [json.loads(line) for line in forms.vllm(prompts, 5).splitlines()]
    assert [row["kind"] for row in rows] == ["random", "repeated"]
    assert rows[1] == {
        "prompt": "def", "output_tokens": 5, "prompt_tokens": 3, "kind": "repeated",
        "subject": "music",
    }  # fmt: skip
    entries = json.loads(forms.sharegpt(prompts, "an answer"))
    assert [(entry["id"], entry["kind"]) for entry in entries] == [
        ("random-0", "random"), ("repeated-1", "repeated")
    ]  # fmt: skip


@given(st.lists(TEXTS, min_size=1))
def test_whatever_is_written_is_read(tmp_path_factory, texts):
    texts = [TRICKY, *texts]
    prompts = [Prompt(text, 1) for text in texts]
    folder = tmp_path_factory.mktemp("forms")
    for name, text in (
        ("a.jsonl", forms.vllm(prompts, 9)),
        ("a.json", forms.sharegpt(prompts, "b")),
    ):
        file = folder / name
        file.write_text(text, encoding="utf-8", newline="\n")
        assert forms.read(file) == texts
    lines = forms.vllm(prompts, 9).splitlines()
    assert len(lines) == len(texts), "no character inside a line ends it for any reader"


def read(tmp_path, text, name="set"):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return forms.read(file)


@pytest.mark.parametrize(
    ("entry", "prompt"),
    [
        ("just a string", "just a string"),
        ({"prompt": "p", "text": "t"}, "p"),
        ({"text": "t"}, "t"),
        ({"question": "q", "answer": "a"}, "q"),
        ({"instruction": "i", "output": "o"}, "i"),
        ({"messages": [{"role": "user", "content": "u"}]}, "u"),
        (
            {
                "messages": [
                    {"role": "system", "content": "s"},
                    {"role": "user", "content": [{"type": "text", "text": "u"}, {"type": "image"}]},
                    {"role": "assistant", "content": "a"},
                ]
            },
            "s\nu",
        ),
        ({"prompt": [{"role": "user", "content": "u"}]}, "u"),
        ({"conversations": [{"from": "human", "value": "h"}, {"from": "gpt", "value": "g"}]}, "h"),
    ],
)
def test_usual_keys(tmp_path, entry, prompt):
    line = json.dumps(entry)
    assert read(tmp_path, f"{line}\n\n{line}\n", "a.jsonl") == [prompt, prompt]
    assert read(tmp_path, f"[{line},\n{line}]") == [prompt, prompt]
    assert read(tmp_path, json.dumps({"version": 1, "data": [entry]})) == [prompt]
    if isinstance(entry, dict):
        assert read(tmp_path, line) == [prompt], "one line is a list of one"


def test_plain_text(tmp_path):
    assert read(tmp_path, "one\ntwo\n\n three \n\n\n") == ["one\ntwo", "three"]
    assert read(tmp_path, "one\n two \nthree\n") == ["one", "two", "three"]
    assert read(tmp_path, "[link](x) opens a text\n\nand more") == [
        "[link](x) opens a text", "and more"
    ]  # fmt: skip
    assert read(tmp_path, "") == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"prompt": "x"}\n{"prompt": ', "a.jsonl, line 2, is not JSON"),
        ("a.jsonl", '{"prompt": "x"}\n{"answer": 3}', "a.jsonl, line 2 has no prompt"),
        ("a.jsonl", '{"prompt": 3}', "entry 1 has no prompt"),
        ("a.json", '[{"prompt": "x"}, {"prompt": [1, 2, 3]}]', "entry 2 has no prompt"),
        ("a.json", '[{"conversations": []}]', "entry 1 has no prompt"),
        ("a.json", "[1, 2", "a.json is not JSON"),
        ("a.json", "3", "holds no list of prompts, but 3"),
        ("a", '{"prompt": NaN}', "entry 1 has no prompt"),
        ("a.json", "[" * 100_000, "a.json is not JSON"),
    ],
)
def test_errors_name_the_place(tmp_path, name, text, said):
    with pytest.raises(UserError, match=said):
        read(tmp_path, text, name)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="none cannot be read"):
        forms.read(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"abc\xff")
    with pytest.raises(UserError, match=r"no text in UTF-8 \(byte 3\)"):
        forms.read(tmp_path / "bytes")


@given(
    st.binary() | TEXTS.map(lambda text: text.encode()), st.sampled_from(["", ".json", ".jsonl"])
)
def test_no_file_brings_a_traceback(tmp_path_factory, content, suffix):
    file = tmp_path_factory.mktemp("any") / f"file{suffix}"
    file.write_bytes(content)
    try:
        found = forms.read(file)
    except UserError:
        return
    assert all(isinstance(text, str) for text in found)


@pytest.mark.parametrize("name", SPECIAL)
def test_special_files(tmp_path, name):
    path = special_files(tmp_path)[name]
    refused(lambda: forms.read(path))


@pytest.mark.parametrize("file", ["set", "set.json", "set.jsonl"])
@pytest.mark.parametrize("name", hostile.TEXTS)
def test_hostile_texts(tmp_path, name, file):
    (tmp_path / file).write_bytes(hostile.TEXTS[name])
    read_or_refused(lambda: forms.read(tmp_path / file))


VALUES = st.recursive(
    st.none() | st.floats() | st.just(10**400) | st.sampled_from(["", "text", "\ud800", "\x1b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "prompt", "messages", "content", "x"]), inner)
    ),
    max_leaves=8,
)


@given(whole=VALUES, lines=st.booleans())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_json(tmp_path_factory, whole, lines):
    file = tmp_path_factory.getbasetemp() / ("any.jsonl" if lines else "any.json")
    file.write_text("\n".join([json.dumps(whole)] * (2 if lines else 1)))
    read_or_refused(lambda: forms.read(file))
