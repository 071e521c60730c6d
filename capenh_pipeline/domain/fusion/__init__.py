"""What an LLM made of captions, judged: all that a person said is kept, and nothing is invented."""
