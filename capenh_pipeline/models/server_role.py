"""What a server is there for, and what people call what they choose about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerRole:
    """The words of messages about a server.

    Attributes:
        noun: what it serves.
        url_option: the flag of its address.
        model_option: the flag of the model's name.
        key_variable: the environment variable of its API key.
    """

    noun: str
    url_option: str
    model_option: str
    key_variable: str


LLM = ServerRole("LLM", "--base_url", "--model", "OPENAI_API_KEY")
VLM = ServerRole("VLM", "--vlm_base_url", "--model_id", "CAPENH_VLM_API_KEY")
