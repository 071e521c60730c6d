"""Drawn scenes whose captions are known, and two tiny models trained on them."""
