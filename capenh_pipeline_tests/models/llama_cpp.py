"""llama.cpp's own server, from the package `xllamacpp`, with the demo's merge model as GGUF.

GGUF: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

IN_FLIGHT = 16
CONTEXT_TOKENS = 512

_SERVE = """
import sys
import xllamacpp
parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.hostnames, parameters.port = ["127.0.0.1"], 0
parameters.n_parallel, parameters.n_ctx = int(sys.argv[2]), int(sys.argv[2]) * int(sys.argv[3])
parameters.cpuparams.n_threads = 1
parameters.ui = False
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
sys.stdin.read()
"""

_LAYER = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_OUTER = {"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output"}


class LlamaCppServer:
    """`with LlamaCppServer(gguf) as server:` serves a model file on a free port of 127.0.0.1."""

    def __init__(self, model: Path) -> None:
        self._command = [sys.executable, "-c", _SERVE, str(model)]

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(  # noqa: S603  # our own code
            [*self._command, str(IN_FLIGHT), str(CONTEXT_TOKENS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.base_url = self.process.stdout.readline().strip() + "/v1"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.communicate()


def convert(checkpoint: Path, target: Path) -> Path:
    """Write a small Llama checkpoint with a byte-pair tokenizer as a GGUF file; return it."""
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((checkpoint / "config.json").read_text())
    writer = gguf.GGUFWriter(target, "llama")
    _add_shape(writer, config)
    _add_tokenizer(writer, checkpoint, config)
    for name, values in load_file(checkpoint / "model.safetensors").items():
        place = name.removeprefix("model.").removesuffix(".weight")
        if place.endswith(("q_proj", "k_proj")):
            heads = "num_attention_heads" if "q_proj" in place else "num_key_value_heads"
            values = _paired(values, config[heads])  # noqa: PLW2901
        writer.add_tensor(f"{_gguf_name(place)}.weight", values.astype("float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def _add_shape(writer: Any, config: dict[str, Any]) -> None:
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])


def _add_tokenizer(writer: Any, checkpoint: Path, config: dict[str, Any]) -> None:
    import gguf

    tokenizer = json.loads((checkpoint / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    special = {token["content"] for token in tokenizer["added_tokens"]}
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    kinds = (gguf.TokenType.NORMAL, gguf.TokenType.CONTROL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([kinds[token in special] for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(_template(checkpoint))


def _template(checkpoint: Path) -> str:
    """Return the chat template, made to look at the system prompt.

    It ignores it. llama.cpp finds that out, and puts the system prompt into the user's turn.
    """
    template = (checkpoint / "chat_template.jinja").read_text()
    loop = "{% for m in messages %}"
    looking = "{% if m['role'] == 'system' %}{{ m['content'][:0] }}{% endif %}"
    return template.replace(loop, loop + looking)


def _gguf_name(place: str) -> str:
    if place in _OUTER:
        return _OUTER[place]
    _, number, part = place.split(".", 2)
    return f"blk.{number}.{_LAYER[part]}"


def _paired(values: Any, heads: int) -> Any:
    """Return rows in the order in which llama.cpp rotates them: neighbours are a pair."""
    rows, columns = values.shape
    halves = values.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)
