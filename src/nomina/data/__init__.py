"""Corpora: records, tag schemes, file formats, cleaning and splitting.

This room knows nothing of encoders and imports nothing heavy: files come in, a :class:`Corpus` goes out.
"""

from nomina.data.cleaning import Cleaned, CleaningReport, clean
from nomina.data.corpus import Corpus, CorpusSplit, CorpusStats
from nomina.data.formats import read
from nomina.data.records import Note, Sentence, Span
from nomina.data.splitting import Split, split
from nomina.data.tags import OUTSIDE, RepairPolicy, Scheme, detect_scheme, read_spans, retag, split_tag, write_tags
from nomina.data.text import sentence, words

__all__ = [
    "OUTSIDE",
    "Cleaned",
    "CleaningReport",
    "Corpus",
    "CorpusSplit",
    "CorpusStats",
    "Note",
    "RepairPolicy",
    "Scheme",
    "Sentence",
    "Span",
    "Split",
    "clean",
    "detect_scheme",
    "read",
    "read_spans",
    "retag",
    "sentence",
    "split",
    "split_tag",
    "words",
    "write_tags",
]
