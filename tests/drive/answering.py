"""A small random Qwen2 that answers by construction, for real servers that need a model.

Its layers are random and add next to nothing; a token's embedding is the head's row of its
successor. A prompt
that ends as a sentence does is answered with words, on and on. Any other is answered with three
words and then tokens that show no text, which is what the model of the founding case did with
random prompts. Greedy answers are the same on every machine: the successor's logit is far ahead.
"""

import json
import re

import torch
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

HIDDEN = 128
RESERVED = 8
"""Special tokens that an answer without words goes round in."""
WORDS = 300
"""That an answer with words goes round in."""
SENTENCE = re.compile(r"[.?!:]\s*")


def successors(tokenizer):
    """The next id of every id, and the ids that show no text."""
    size = len(tokenizer)
    texts = [tokenizer.decode([one], skip_special_tokens=True) for one in range(size)]
    words = [i for i, text in enumerate(texts) if re.fullmatch(r" [a-z]{3,}", text)]
    ring, three = words[:WORDS], words[WORDS : WORDS + 3]
    hidden = list(range(size - RESERVED, size))
    after = dict.fromkeys(range(size), three[0])
    after |= zip(three, [*three[1:], hidden[0]], strict=True)
    after |= {i: ring[0] for i, text in enumerate(texts) if SENTENCE.fullmatch(text)}
    for loop in (ring, hidden):
        after |= zip(loop, [*loop[1:], loop[0]], strict=True)
    return [after[i] for i in range(size)], hidden


def make(folder, tokenizer_file, *, layers=2, inner=256, dtype=torch.float32, seed=0):
    """Write model and tokenizer into a folder; returns the model and the successors."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(tokenizer_file), eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    )
    names = [f"<|reserved_{i}|>" for i in range(RESERVED)]
    tokenizer.add_special_tokens({"additional_special_tokens": names})
    after, _ = successors(tokenizer)
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=HIDDEN, intermediate_size=inner,
        num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=4096, tie_word_embeddings=False,
        eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
    )  # fmt: skip
    model = Qwen2ForCausalLM(config).eval()
    with torch.no_grad():
        direction = torch.randn(config.vocab_size, HIDDEN)
        model.lm_head.weight.copy_(direction)
        model.model.embed_tokens.weight.copy_(direction[after])
    model.to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "generation_config.json").write_text(
        json.dumps({"eos_token_id": tokenizer.eos_token_id, "do_sample": False})
    )
    return model, after
