from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from nomina.errors import TagError
from nomina.scoring.chunks import Chunk, default_chunks


@given(st.lists(st.sampled_from(["O", *(f"{prefix}-{name}" for prefix in "BIES" for name in "ab")])))
def test_chunks_are_seqevals(tags: list[str]) -> None:
    assert default_chunks(tags) == {Chunk(name, start, last + 1) for name, start, last in get_entities(tags)}


def test_what_is_no_tag_is_refused() -> None:
    with pytest.raises(TagError):
        default_chunks(["B"])
