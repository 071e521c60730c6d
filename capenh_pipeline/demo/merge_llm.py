"""A Llama small enough to be trained on one core: 0.65 M parameters, any text in bytes."""

from typing import Any

from capenh_pipeline.demo.byte_pairs import train_byte_pairs
from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.merge_pairs import tokenizer_corpus

_PAD, _BOS, _EOS, _ASSISTANT = "<pad>", "<s>", "</s>", "<|assistant|>"
_SPECIAL_TOKENS = (_PAD, _BOS, _EOS, _ASSISTANT)
_MAX_TOKENS = 512
_MAX_NEW_TOKENS = 160
# Only the last user turn is read, its text parts joined: the model knows one thing and would
# stumble over a system prompt.
_CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m['role']=='user' and loop.last %}"
    "{% if m['content'] is string %}{{ m['content'] }}"
    "{% else %}{% for c in m['content'] %}{% if c['type']=='text' %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{{ '\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def build_tokenizer() -> Any:
    """Return a tokenizer that knows the words of captions and spells out all others."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    corpus = tokenizer_corpus(seeded(1), captions=4000)
    vocabulary, merges = train_byte_pairs(
        corpus, vocabulary_size=640, special_tokens=_SPECIAL_TOKENS, min_frequency=20
    )
    byte_pairs = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    byte_pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_pairs.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=byte_pairs,
        bos_token=_BOS,
        eos_token=_EOS,
        pad_token=_PAD,
        extra_special_tokens={"assistant_token": _ASSISTANT},
        padding_side="left",
        model_max_length=_MAX_TOKENS,
    )
    tokenizer.chat_template = _CHAT_TEMPLATE
    return tokenizer


def build_model(tokenizer: Any) -> Any:
    """Return an untrained `LlamaForCausalLM` for the words of `tokenizer`."""
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    special: dict[str, Any] = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=320,
        num_hidden_layers=3,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=_MAX_TOKENS,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
        **special,
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(
        **special, do_sample=False, max_new_tokens=_MAX_NEW_TOKENS
    )
    return model


def prompt_of(tokenizer: Any, user_message: str) -> str:
    """Return what the model reads when it is sent `user_message`, up to where its answer starts."""
    return tokenizer.apply_chat_template(
        [{"role": "user", "content": user_message}], add_generation_prompt=True, tokenize=False
    )
