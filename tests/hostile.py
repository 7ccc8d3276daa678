"""The audit of a corpus whose words, tags and name are all markup, of HTML and of the terminal."""

from __future__ import annotations

from nomina.data.audit import Audit, audit
from nomina.data.corpus import Corpus
from nomina.data.records import Sentence
from nomina.data.tags import Scheme

__all__ = ["EVIL", "an_audit"]

EVIL = "<script>alert('x')</script>[bold]"


def an_audit() -> Audit:
    bad = Sentence((EVIL, "b", "c", "d"), {"pos": (EVIL, "NN", "NN", "NN")}, ("I-a", "O", "B-<b>", "O"), line=1)
    good = Sentence(("e", "b", "c", "d"), {"pos": ("X", "NN", "NN", "NN")}, ("B-a", "O", "O", "O"), line=6)
    return audit({"train": Corpus((bad, bad, good), Scheme.IOB2, EVIL), "test": Corpus((bad,), Scheme.IOB2, "test")})
