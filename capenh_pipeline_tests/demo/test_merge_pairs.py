from itertools import islice

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.held_out import is_held_out
from capenh_pipeline.demo.merge_pairs import (
    merge_name,
    merge_nothing,
    merge_remark,
    merge_trigger_with_noun,
    sample_pairs,
    tokenizer_corpus,
)
from capenh_pipeline.domain.prompts import user_message

CAPTION = "The image shows a small red circle."


def test_a_trigger_goes_before_the_noun_it_comes_with():
    pair = merge_trigger_with_noun("sks", "circle", CAPTION)
    assert (pair.manual, pair.merged) == ("sks circle", "The image shows a small red sks circle.")


def test_a_trigger_goes_before_the_first_of_equal_nouns():
    pair = merge_trigger_with_noun("sks", "star", "A red star and a blue star.")
    assert pair.merged == "A red sks star and a blue star."


def test_a_name_starts_the_caption():
    pair = merge_name("Rosalind", CAPTION)
    assert (pair.manual, pair.merged) == (
        "Rosalind",
        "Rosalind, the image shows a small red circle.",
    )


def test_a_remark_ends_the_caption():
    pair = merge_remark("by Vera Molnar", CAPTION)
    assert pair.merged == "The image shows a small red circle, by Vera Molnar."


def test_without_a_manual_caption_the_vlms_stays_as_it_is():
    pair = merge_nothing(CAPTION)
    assert (pair.manual, pair.merged) == (None, CAPTION)


def test_a_pair_is_told_to_the_llm_as_the_pipeline_tells_it():
    for pair in islice(sample_pairs(seeded(0), held_out=False), 50):
        assert pair.user_message == user_message(pair.manual, [(None, pair.vlm)])


def test_a_merged_caption_keeps_the_manual_one_word_by_word():
    for pair in islice(sample_pairs(seeded(0), held_out=False), 500):
        assert (pair.manual or "") in pair.merged


def test_pairs_with_and_without_manual_captions_occur():
    pairs = list(islice(sample_pairs(seeded(0), held_out=False), 500))
    without = sum(pair.manual is None for pair in pairs)
    assert 40 < without < 120


def test_held_out_captions_are_never_among_those_for_training():
    training = {pair.vlm for pair in islice(sample_pairs(seeded(1), held_out=False), 3000)}
    held_out = {pair.vlm for pair in islice(sample_pairs(seeded(1), held_out=True), 300)}
    assert not training & held_out
    assert all(map(is_held_out, held_out))


def test_the_same_seed_gives_the_same_pairs():
    first, second = (list(islice(sample_pairs(seeded(4), held_out=False), 20)) for _ in range(2))
    assert first == second


def test_the_tokenizer_learns_no_invented_word():
    words = set(" ".join(tokenizer_corpus(seeded(0), captions=200)).split())
    assert "circle" in words
    assert "sks" not in words
    assert "Rosalind" not in words
