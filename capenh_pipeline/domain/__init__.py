"""What the pipeline knows: pure functions over values, with no I/O, clock or environment."""
