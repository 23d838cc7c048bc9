"""Tokenizers like those of Qwen and of Llama, trained on the shipped text in under a second."""

from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, processors, trainers
from tokenizers import pre_tokenizers as pre

from truetpot.serving.prompts import corpus
from truetpot.serving.prompts.tokenizer import load

VOCABULARY = 4000
WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def byte_level(texts):
    """Byte-level BPE with Qwen's way of splitting; adds no special token by itself."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre.Sequence(
        [
            pre.Split(Regex(WORDS), "isolated"),
            pre.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>", "<|im_start|>"],
        initial_alphabet=pre.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return made


def unigram(texts):
    """Unigram on metaspaces, as SentencePiece makes it; puts a BOS before every text."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre.Metaspace(prepend_scheme="always")
    made.decoder = decoders.Metaspace(prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<unk>", "<s>", "</s>"],
        unk_token="<unk>",
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    made.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return made


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Folders with a tokenizer.json, by kind."""
    texts = [passage.text for passage in corpus.shipped("both")]
    made = {}
    for name, train in (("byte_level", byte_level), ("unigram", unigram)):
        made[name] = tmp_path_factory.mktemp(name)
        train(texts).save(str(made[name] / "tokenizer.json"))
    return made


@pytest.fixture(scope="session")
def tokenizers(folders):
    """The same, loaded."""
    return {name: load(folder) for name, folder in folders.items()}


@pytest.fixture(params=["byte_level", "unigram"])
def folder(request, folders) -> Path:
    """Each folder in turn."""
    return folders[request.param]


@pytest.fixture
def tokenizer(folder, tokenizers, folders):
    """Each tokenizer in turn."""
    (name,) = (name for name, one in folders.items() if one == folder)
    return tokenizers[name]


@pytest.fixture
def count(folder):
    """Tokens of a text by an independent path: the library itself, as vLLM's client calls it."""
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return lambda text: len(backend.encode(text).ids)
