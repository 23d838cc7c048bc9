"""Lengths are those that a server counts, or the reason is said why they are not known."""

import json
import os
import shutil
import sys

import pytest

from tests.hostile import SPECIAL, TEXTS, refused, special_files
from truetpot.errors import UserError
from truetpot.serving.prompts.guard import guarded, quiet
from truetpot.serving.prompts.tokenizer import load

TEXT = "The rete turns over the plate. 浑仪由几重铜环套成。"


def copied(folder, tmp_path, **config):
    shutil.copy(folder / "tokenizer.json", tmp_path)
    if config:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    return tmp_path


def test_counts_as_transformers_does(folder, tokenizer):
    transformers = pytest.importorskip("transformers")
    reference = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    assert tokenizer.encode(TEXT) == reference(TEXT).input_ids
    assert tokenizer.plain(TEXT) == reference(TEXT, add_special_tokens=False).input_ids
    assert tokenizer.added == len(reference("").input_ids)


def test_special_tokens_are_counted_and_not_ordinary(tokenizers):
    assert tokenizers["byte_level"].added == 0
    assert tokenizers["unigram"].added == 1
    assert not {0, 1} & set(tokenizers["byte_level"].ordinary)
    assert not {0, 1, 2} & set(tokenizers["unigram"].ordinary)
    for tokenizer in tokenizers.values():
        assert len(tokenizer.ordinary) > 3900
        assert list(tokenizer.ordinary) == sorted(set(tokenizer.ordinary))


def test_a_truncating_tokenizer_is_not_obeyed(folder, tokenizer, tmp_path):
    file = copied(folder, tmp_path) / "tokenizer.json"
    content = json.loads(file.read_text())
    content["truncation"] = {
        "max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right",
    }  # fmt: skip
    content["padding"] = {
        "strategy": {"Fixed": 512}, "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "<unk>",
    }  # fmt: skip
    file.write_text(json.dumps(content))
    assert load(tmp_path).encode(TEXT * 5) == tokenizer.encode(TEXT * 5)


def test_a_config_that_agrees_changes_nothing(folders, tokenizers, tmp_path):
    bos = {"content": "<s>", "lstrip": False}
    folder = copied(folders["unigram"], tmp_path, bos_token=bos, add_bos_token=True)
    assert load(folder).encode(TEXT) == tokenizers["unigram"].encode(TEXT)


def test_where_two_files_disagree_transformers_decides(folders, tokenizers, tmp_path, monkeypatch):
    """DeepSeek's distilled models: the config asks for a BOS that tokenizer.json does not add."""
    transformers = pytest.importorskip("transformers")
    config = {"bos_token": "<|endoftext|>", "add_bos_token": True}
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    folder = copied(folders["byte_level"], tmp_path, **config)
    reference = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    assert load(folder).encode(TEXT) == reference(TEXT).input_ids

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"another add_bos_token .* needs transformers"):
        load(folder)
    assert load(folders["byte_level"]).encode(TEXT) == tokenizers["byte_level"].encode(TEXT)


@pytest.mark.parametrize(
    "config",
    ["[]", "{", '"text"', '{"add_bos_token": true}', '{"bos_token": {}, "add_bos_token": 1}'],
)
def test_a_config_that_says_nothing_is_passed_over(folders, tokenizers, tmp_path, config):
    folder = copied(folders["unigram"], tmp_path)
    (folder / "tokenizer_config.json").write_text(config)
    assert load(folder).encode(TEXT) == tokenizers["unigram"].encode(TEXT)


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        load(tmp_path / "Qwen" / "QwQ-32B")


def test_no_tokenizer_json(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"has no tokenizer\.json"):
        load(tmp_path)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"no tokenizer\.json: that needs transformers"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[1]", b'{"model": null}'])
def test_a_broken_tokenizer_json(tmp_path, content):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(UserError, match=r"Cannot read .*tokenizer\.json: "):
        load(tmp_path)


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_texts(folders, tokenizers, tmp_path, name):
    (tmp_path / "tokenizer.json").write_bytes(TEXTS[name])
    assert "tokenizer.json" in refused(lambda: load(tmp_path))
    copied(folders["unigram"], tmp_path)
    (tmp_path / "tokenizer_config.json").write_bytes(TEXTS[name])
    assert load(tmp_path).encode(TEXT) == tokenizers["unigram"].encode(TEXT)


@pytest.mark.parametrize("name", SPECIAL)
def test_special_files(folders, tokenizers, tmp_path, name):
    path = special_files(tmp_path)[name]
    if name != "folder":
        assert "is not a folder" in refused(lambda: load(path))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer.json").symlink_to(path)
    assert "tokenizer.json" in refused(lambda: load(folder))
    (folder / "tokenizer.json").unlink()
    if name != "folder":  # what transformers would wait for, or read whole
        (folder / "vocab.json").symlink_to(path)
        assert "vocab.json" in refused(lambda: load(folder))
        (folder / "vocab.json").unlink()
    copied(folders["unigram"], folder)
    (folder / "tokenizer_config.json").symlink_to(path)
    assert load(folder).encode(TEXT) == tokenizers["unigram"].encode(TEXT)


UNIGRAM = {"type": "Unigram", "unk_id": 0, "vocab": [["a", -1.0]], "byte_fallback": False}
WITHOUT_UNK = [
    {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "[UNK]"},
    {"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "[UNK]",
     "continuing_subword_prefix": "##", "max_input_chars_per_word": 100},
    UNIGRAM | {"unk_id": None},
]  # fmt: skip


def made(folder, **parts):
    none = dict.fromkeys(("truncation", "padding", "pre_tokenizer", "post_processor", "decoder"))
    whole = {"version": "1.0", "added_tokens": [], "normalizer": None} | none | parts
    (folder / "tokenizer.json").write_text(json.dumps(whole))
    return folder


@pytest.mark.parametrize("model", WITHOUT_UNK, ids=lambda model: model["type"])
def test_without_a_token_for_unknown_words(tmp_path, model):
    loaded = load(made(tmp_path, model=model))
    assert loaded.encode("a") == [0]
    assert "cannot encode" in refused(lambda: loaded.encode("Words."))
    assert "cannot encode" in refused(lambda: loaded.plain("Words."))


@pytest.mark.parametrize("charsmap", ["", "AAAA", "A" * 20, "BAAAAGFiY2Q=", "\u00e9"])
def test_a_charsmap_that_makes_rust_panic(tmp_path, capfd, charsmap):
    """A panic is no Exception, and prints itself: only the sentence is left."""
    precompiled = {"type": "Precompiled", "precompiled_charsmap": charsmap}
    folder = made(tmp_path, model=UNIGRAM, normalizer=precompiled)
    assert "Cannot read" in refused(lambda: load(folder))
    assert capfd.readouterr() == ("", "")


def test_a_panic_later_on_is_a_sentence_too(tmp_path, monkeypatch):
    monkeypatch.setattr("truetpot.serving.prompts.tokenizer._try", lambda encode: None)
    precompiled = {"type": "Precompiled", "precompiled_charsmap": "A" * 20}
    loaded = load(made(tmp_path, model=UNIGRAM, normalizer=precompiled))
    assert "cannot encode" in refused(lambda: loaded.encode("a"))


def test_half_a_character_is_a_sentence(tokenizer):
    assert "cannot encode" in refused(lambda: tokenizer.encode("\ud800"))
    assert "cannot decode" in refused(lambda: tokenizer.decode([-1]))


def test_what_is_said_on_the_way_is_not_lost(capfd):
    with quiet():
        os.write(2, b"a warning\n")
    assert capfd.readouterr().err == "a warning\n"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_not_taken_for_a_fault(stop):
    with pytest.raises(stop), guarded("It failed"):
        raise stop


def test_without_the_package(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UserError, match="pip install tokenizers"):
        load(folder)
