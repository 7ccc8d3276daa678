import pytest

from nomina.data import Corpus, Note, Scheme, Sentence


def make(n: int) -> Corpus:
    return Corpus(
        tuple(
            Sentence((f"w{i}", "said"), {"pos": ("NNP", "VBD")}, ("B-per", "O"), document=f"d{i // 2}", line=2 * i + 1)
            for i in range(n)
        ),
        Scheme.IOB2,
        "made",
        (Note("encoding", "said once"),),
    )


def test_is_a_sequence_of_sentences() -> None:
    corpus = make(4)
    assert len(corpus) == 4
    assert corpus[1].words == ("w1", "said")
    assert [s.line for s in corpus[1:3]] == [3, 5]
    assert corpus[1:3].scheme is Scheme.IOB2
    assert corpus.n_words == 8
    assert "4 sentences, 8 words, scheme=IOB2" in repr(corpus)


def test_features_are_those_that_all_sentences_have() -> None:
    one = Sentence(("a",), {"pos": ("X",), "chunk": ("B",)})
    two = Sentence(("b",), {"pos": ("X",)})
    assert Corpus((one, two)).feature_names == ("pos",)
    assert Corpus(()).feature_names == ()


def test_labels_are_all_or_none() -> None:
    assert make(2).has_labels
    assert not Corpus((*make(1), Sentence(("a",)))).has_labels
    assert not Corpus(()).has_labels


def test_stats_count() -> None:
    stats = make(4).stats()
    assert (stats.n_sentences, stats.n_words, stats.n_documents) == (4, 8, 2)
    assert stats.labels == {"B-per": 4, "O": 4}
    assert stats.types == {"per": 4}
    assert stats.features == {"pos": {"NNP": 4, "VBD": 4}}


def test_split_gives_three_corpora_in_file_order() -> None:
    corpus = make(100)
    train, dev, test = corpus.split((80, 10, 10), seed=1)
    assert len(train) + len(dev) + len(test) == 100
    for part in (train, dev, test):
        assert isinstance(part, Corpus)
        assert part.scheme is Scheme.IOB2
        assert [s.line for s in part] == sorted(s.line or 0 for s in part)
        assert part.notes == ()
    documents = [{s.document for s in part} for part in (train, dev, test)]
    assert sum(map(len, documents)) == len(set.union(*documents))


def test_split_checks_its_fractions() -> None:
    with pytest.raises(ValueError, match="three non-negative fractions"):
        make(4).split((80, 20))
