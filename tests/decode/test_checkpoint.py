"""What can be wrong with a checkpoint, and what is read of it."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.hostile import SPECIAL, TEXTS, check_sentence, special_files
from truetpot.decode.checkpoint import CheckpointWeights
from truetpot.decode.shard import Shard
from truetpot.errors import UserError
from truetpot.facts.models import load_model
from truetpot.formats import quantise

FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"
SHARD = "model-00001-of-00001.safetensors"
DOWN = "model.layers.1.mlp.down_proj.weight"


@pytest.fixture
def saved(checkpoint):
    return checkpoint("qwen2")


@pytest.fixture
def copy(saved, tmp_path):
    """A copy of the checkpoint to damage, and how to open it."""
    shutil.copytree(saved.directory, tmp_path, dirs_exist_ok=True)
    return tmp_path


def opened(saved, directory, **shape):
    return CheckpointWeights(directory, saved.model, saved.shape(**shape))


def rewrite(directory, change):
    tensors = load_file(directory / FILE)
    change(tensors)
    save_file(tensors, directory / FILE)


def refused(saved, directory):
    with pytest.raises(UserError) as caught:
        opened(saved, directory)
    return check_sentence(str(caught.value))


def test_linear_is_quantised_rows_of_the_fused_projections(saved):
    attention = saved.hf.model.layers[1].self_attn
    parts = (attention.q_proj, attention.k_proj, attention.v_proj)
    want = quantise(torch.cat([p.weight for p in parts]).detach().numpy(), "sym_int4")
    got = opened(saved, saved.directory, weight_format="sym_int4").linear(1, "qkv")
    assert got.shape == want.shape
    assert np.array_equal(got.codes, want.codes)
    assert np.array_equal(got.scales, want.scales)


def test_chunks_make_no_difference(saved, monkeypatch):
    want = opened(saved, saved.directory, weight_format="sym_int4").linear(0, "gate_up")
    monkeypatch.setattr("truetpot.decode.checkpoint._CHUNK", 1000)
    weights = opened(saved, saved.directory, weight_format="sym_int4")
    got = weights.linear(0, "gate_up")
    assert np.array_equal(got.codes, want.codes)
    assert np.array_equal(got.scales, want.scales)
    assert np.array_equal(weights.embedding(), saved.hf.model.embed_tokens.weight.detach().numpy())


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16, torch.float16])
def test_stored_dtypes(saved, copy, stored):
    rewrite(copy, lambda t: t.update({name: v.to(stored) for name, v in t.items()}))
    got = opened(saved, copy).linear(1, "down").codes
    want = saved.hf.model.layers[1].mlp.down_proj.weight.detach()
    assert np.array_equal(got, want.to(stored).float().numpy())


def test_split_into_several_files(saved, tmp_path):
    saved.hf.save_pretrained(tmp_path, max_shard_size="200KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    whole, split = (opened(saved, d) for d in (saved.directory, tmp_path))
    for key in ((1, "down"), (None, "lm_head"), (0, "qkv")):
        assert np.array_equal(whole.linear(*key).codes, split.linear(*key).codes)
    missing = sorted(tmp_path.glob("*.safetensors"))[1]
    missing.unlink()
    assert f"{missing} is missing" in refused(saved, tmp_path)


def test_only_the_layers_asked_for_need_be_there(saved, copy):
    rewrite(copy, lambda t: [t.pop(name) for name in list(t) if "layers.1" in name])
    assert "layers.1" in refused(saved, copy)
    opened(saved, copy, layers=1).linear(0, "down")


def test_no_directory(saved, tmp_path):
    assert "no directory" in refused(saved, tmp_path / "absent")


def test_no_safetensors(saved, copy):
    (copy / FILE).unlink()
    assert FILE in refused(saved, copy)


@pytest.mark.parametrize("keep", [0, 4, 100, -1000])
def test_truncated(saved, copy, keep):
    data = (copy / FILE).read_bytes()
    (copy / FILE).write_bytes(data[:keep])
    message = refused(saved, copy)
    assert str(copy / FILE) in message
    assert "truncated" in message


def test_missing_tensor(saved, copy):
    rewrite(copy, lambda t: t.pop(DOWN))
    assert refused(saved, copy).startswith(f"{DOWN} is not in {copy / FILE}")


@pytest.fixture
def indexed(copy):
    """The copy as one shard that an index names."""
    (copy / FILE).rename(copy / SHARD)
    names = dict.fromkeys(load_file(copy / SHARD), SHARD)
    (copy / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": names}))
    return copy


def test_missing_from_the_index(saved, indexed):
    names = {name: SHARD for name in load_file(indexed / SHARD) if name != DOWN}
    (indexed / INDEX).write_text(json.dumps({"weight_map": names}))
    assert refused(saved, indexed).startswith(f"{DOWN} is not in {indexed / INDEX}")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": 1}}'])
def test_broken_index(saved, indexed, text):
    (indexed / INDEX).write_text(text)
    assert str(indexed / INDEX) in refused(saved, indexed)


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_index(saved, indexed, name):
    (indexed / INDEX).write_bytes(TEXTS[name])
    assert str(indexed / INDEX) in refused(saved, indexed)


@pytest.mark.parametrize("name", SPECIAL)
def test_special_files(saved, indexed, name):
    (indexed / "special").mkdir()
    path = special_files(indexed / "special")[name]
    for file in (SHARD, INDEX, FILE):
        (indexed / file).unlink(missing_ok=True)
        (indexed / file).symlink_to(path)
        refused(saved, indexed)


def test_a_pointer_in_place_of_the_weights(saved, copy):
    (copy / FILE).write_bytes(TEXTS["git lfs"])
    assert "git lfs pull" in refused(saved, copy)


@pytest.mark.parametrize("place", ["../x.safetensors", "/dev/zero", "a\0b", "x" * 5000, ""])
def test_an_index_that_names_no_shard(saved, indexed, place):
    names = dict.fromkeys(load_file(indexed / SHARD), place)
    (indexed / INDEX).write_text(json.dumps({"weight_map": names}))
    refused(saved, indexed)


@pytest.mark.parametrize("stale", ["absent shards", "whole shards", "broken"])
def test_a_single_file_beside_an_index(saved, copy, stale):
    """transformers reads the single file whatever the index says; so do we, and say so."""
    index = "{"
    if stale != "broken":
        names = dict.fromkeys(load_file(copy / FILE), SHARD)
        index = json.dumps({"metadata": {}, "weight_map": names})
    (copy / INDEX).write_text(index)
    if stale == "whole shards":
        save_file({n: t + 1 for n, t in load_file(copy / FILE).items()}, copy / SHARD)
    hf = type(saved.hf).from_pretrained(copy)
    weights = opened(saved, copy)
    want = hf.model.layers[1].mlp.down_proj.weight.detach().numpy()
    assert np.array_equal(weights.linear(1, "down").codes, want)
    assert weights.notes == (f"weights are read from {FILE}: {INDEX} beside it is not used",)
    (copy / INDEX).unlink()
    assert opened(saved, copy).notes == ()


def test_an_index_is_used_where_there_is_no_single_file(saved, indexed):
    hf = type(saved.hf).from_pretrained(indexed)
    got = opened(saved, indexed)
    want = hf.model.layers[1].mlp.down_proj.weight.detach().numpy()
    assert np.array_equal(got.linear(1, "down").codes, want)
    assert got.notes == ()


@pytest.mark.parametrize("size", [0, 8, 1000, -100])
def test_a_file_that_is_cut_off_while_it_is_read(saved, copy, size):
    """Mapped, it would end the process with SIGBUS."""
    weights = opened(saved, copy)
    os.truncate(copy / FILE, size % (copy / FILE).stat().st_size)
    with pytest.raises(UserError, match="changed while it was read"):
        weights.linear(1, "down")


def test_a_file_that_is_cut_off_between_the_look_and_the_reading(saved, copy, monkeypatch):
    weights = opened(saved, copy)
    fill = Shard._fill

    def cut_off(shard, file, at, values):
        os.truncate(copy / FILE, at + 10)
        fill(shard, file, at, values)

    monkeypatch.setattr(Shard, "_fill", cut_off)
    with pytest.raises(UserError, match="changed while it was read"):
        weights.linear(1, "down")


def test_a_file_that_another_takes_the_place_of(saved, copy):
    weights = opened(saved, copy)
    (copy / "new").write_bytes((copy / FILE).read_bytes())
    (copy / "new").replace(copy / FILE)
    with pytest.raises(UserError, match="changed while it was read"):
        weights.linear(1, "down")


def test_wrong_shape(saved, copy):
    rewrite(copy, lambda t: t.update({DOWN: t[DOWN][:, :128].contiguous()}))
    message = refused(saved, copy)
    assert DOWN in message
    assert "[128, 128]" in message
    assert "[128, 192]" in message


def test_the_config_of_another_model(saved, copy):
    config = json.loads((copy / "config.json").read_text()) | {"num_key_value_heads": 4}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"k_proj.*shape \[64, 128\].*\[128, 128\]"):
        CheckpointWeights(copy, load_model(copy), saved.shape())


def test_unsupported_stored_dtype(saved, copy):
    rewrite(copy, lambda t: t.update({DOWN: t[DOWN].to(torch.int8)}))
    message = refused(saved, copy)
    assert DOWN in message
    assert "I8" in message
    assert "unquantised" in message


def test_values_that_are_no_numbers(saved, copy):
    rewrite(copy, lambda t: t[DOWN].__setitem__((3, 4), float("nan")))
    weights = opened(saved, copy, weight_format="sym_int4")
    with pytest.raises(UserError, match=f"{DOWN} in .*NaN"):
        weights.linear(1, "down")


def test_untied_without_lm_head(saved, copy):
    rewrite(copy, lambda t: t.pop("lm_head.weight"))
    assert "lm_head.weight" in refused(saved, copy)
    tied = replace(saved.model, tied=True)
    head = CheckpointWeights(copy, tied, saved.shape()).linear(None, "lm_head")
    assert np.array_equal(head.codes, saved.hf.model.embed_tokens.weight.detach().numpy())
