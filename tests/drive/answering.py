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
GGUF = {
    "embed_tokens": "token_embd", "lm_head": "output", "norm": "output_norm",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "q_proj": "attn_q",
    "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output", "gate_proj": "ffn_gate",
    "up_proj": "ffn_up", "down_proj": "ffn_down",
}  # fmt: skip
"""llama.cpp's names of a tensor, gguf-py/gguf/constants.py."""
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


def make(tokenizer_file, *, hidden=HIDDEN, layers=2, inner=256, seed=0):
    """The model and its tokenizer, as transformers has them."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(tokenizer_file), eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    )
    names = [f"<|reserved_{i}|>" for i in range(RESERVED)]
    tokenizer.add_special_tokens({"additional_special_tokens": names})
    after, _ = successors(tokenizer)
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=inner,
        num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=4096, tie_word_embeddings=False,
        eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
    )  # fmt: skip
    model = Qwen2ForCausalLM(config).eval()
    with torch.no_grad():
        direction = torch.randn(config.vocab_size, hidden)
        model.lm_head.weight.copy_(direction)
        model.model.embed_tokens.weight.copy_(direction[after])
    model.generation_config.do_sample = False
    return model, tokenizer


def write_gguf(path, model, tokenizer):
    """The same model and tokenizer for llama.cpp; its matrices in 16 bits."""
    import gguf

    config, writer = model.config, gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    _write_tokenizer(writer, tokenizer)
    for name, tensor in model.state_dict().items():
        *_, part, kind = name.split(".")
        layer = f"blk.{name.split('.')[2]}." if "layers" in name else ""
        value = tensor.to(torch.float16 if tensor.dim() == 2 else torch.float32)
        writer.add_tensor(f"{layer}{GGUF[part]}.{kind}", value.numpy())
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file):
        write()
    writer.write_tensors_to_file()
    writer.close()


def _write_tokenizer(writer, tokenizer):
    made = json.loads(tokenizer.backend_tokenizer.to_str())
    texts = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    normal, control = 1, 3
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(texts)
    special = set(tokenizer.all_special_tokens)
    writer.add_token_types([control if one in special else normal for one in texts])
    merges = made["model"]["merges"]
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in merges])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_add_bos_token(False)
