from capenh_pipeline.demo.byte_pairs import train_byte_pairs


def test_frequent_words_become_tokens_and_rare_ones_do_not():
    vocabulary, merges = train_byte_pairs(
        ["red circle"] * 30 + ["xyzzy"],
        vocabulary_size=400,
        special_tokens=["<pad>", "<s>"],
        min_frequency=20,
    )
    assert "circle" in {word.removeprefix("\u0120") for word in vocabulary}
    assert "xyzzy" not in vocabulary
    assert ("r", "e") in merges or ("e", "d") in merges


def test_special_tokens_come_first():
    vocabulary, _ = train_byte_pairs(["a"], vocabulary_size=300, special_tokens=["<pad>", "<s>"])
    assert (vocabulary["<pad>"], vocabulary["<s>"]) == (0, 1)
