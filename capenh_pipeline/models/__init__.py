"""What we ask: a vision-language model in this process, an LLM behind the OpenAI protocol."""
