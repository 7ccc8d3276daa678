import pytest

from nomina.data.records import Sentence, Span


def test_columns_must_have_one_value_per_word() -> None:
    with pytest.raises(ValueError, match="feature 'pos' has 1 values for 2 words"):
        Sentence(("a", "b"), {"pos": ("X",)})
    with pytest.raises(ValueError, match="3 labels for 2 words"):
        Sentence(("a", "b"), labels=("O", "O", "O"))


def test_offsets_point_at_the_words() -> None:
    sentence = Sentence(("It", "'s", "it", "."), text="It's it.")
    assert sentence.offsets() == ((0, 2), (2, 4), (5, 7), (7, 8))


def test_offsets_are_unknown_without_text_or_with_another_one() -> None:
    assert Sentence(("a",)).offsets() is None
    assert Sentence(("de", "el"), text="del").offsets() is None


def test_offsets_in_the_text_that_a_sentence_was_cut_from() -> None:
    whole = "Oh. It's it."
    sentence = Sentence(("It", "'s", "it", "."), text="It's it.", start_char=4)
    offsets = sentence.offsets()
    assert offsets is not None
    assert tuple(whole[a:b] for a, b in map(sentence.in_whole, offsets)) == sentence.words


def test_sentences_compare_by_content_and_can_be_keys() -> None:
    assert Sentence(("a",), {"pos": ("X",)}, source="one") == Sentence(("a",), {"pos": ("X",)}, source="two")
    assert len({Sentence(("a",), {"pos": ("X",)}), Sentence(("a",), {"pos": ("X",)})}) == 1


def test_spans_compare_without_their_score() -> None:
    assert Span("per", 0, 1, score=0.5) == Span("per", 0, 1)
