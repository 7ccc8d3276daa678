"""Labels of encoded words: every batch through the network, then the best label of each word or path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from nomina.data.tags import Scheme, allowed_borders
from nomina.encoding.batches import collate
from nomina.encoding.decode import best_paths, path_marginals, softmax
from nomina.encoding.lengths import sorted_batches
from nomina.encoding.windows import Windows
from nomina.model import CRFHead, Tagger

__all__ = ["Labelled", "label_words", "score_batch"]


class Labelled(NamedTuple):
    """Labels of an encoded corpus.

    Attributes:
        ids: Best label of each word, int64 [n_words].
        probabilities: Its probability, float32 [n_words]: softmax over the word's labels, or with a CRF the marginal
            over all paths through the sentence.
        tag_ids: The joint head's best tag of each word, int64 [n_words]; ``None`` without such a head.
    """

    ids: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    tag_ids: npt.NDArray[np.int64] | None


def label_words(
    model: Tagger,
    windows: Windows,
    *,
    labels: Sequence[str],
    scheme: Scheme,
    batch_pieces: int,
    progress: bool = False,
) -> Labelled:
    """Best label of every word.

    Args:
        model: The tagger.
        windows: What to label, encoded for it.
        labels: Label names by id.
        scheme: Their scheme.
        batch_pieces: Word pieces per batch, padding included; 1 or more.
        progress: Whether to draw a progress bar (on a terminal).
    """
    borders = _borders(model, labels, scheme)
    # Paths go through whole sentences, whichever windows their words are in: these wait until all scores are there.
    scores = np.zeros((windows.n_words if borders is not None else 0, len(labels)), dtype=np.float32)
    ids = np.zeros(windows.n_words, dtype=np.int64)
    probabilities = np.zeros(windows.n_words, dtype=np.float32)
    tag_ids = None if model.tag_head is None else np.zeros(windows.n_words, dtype=np.int64)
    was_training = model.training
    model.eval()  # type: ignore[no-untyped-call]
    bar = tqdm(total=windows.n_words, unit=" words", desc="predict", disable=None if progress else True, leave=False)
    with torch.inference_mode(), bar:
        for indices in sorted_batches(windows.lengths, batch_pieces):
            logits, tags = score_batch(model, windows, indices)
            # Rows of the batch and, within them, the words that are predicted from it.
            spans = windows.spans[indices]
            kept = spans[:, 2:] - spans[:, :1]
            position = np.arange(logits.shape[1])
            mask = (position >= kept[:, :1]) & (position < kept[:, 1:])
            words = (spans[:, :1] + position)[mask]
            if borders is not None:
                scores[words] = logits[mask]
            else:
                shares = softmax(logits[mask])
                ids[words] = shares.argmax(-1)
                probabilities[words] = shares.max(-1)
            if tag_ids is not None and tags is not None:
                tag_ids[words] = tags[mask]
            bar.update(len(words))
    model.train(was_training)
    if borders is not None:
        ids = best_paths(scores, borders, windows.sentence_offsets)
        has_chain = isinstance(model.head, CRFHead)
        shares = path_marginals(scores, borders, windows.sentence_offsets) if has_chain else softmax(scores)
        probabilities = np.take_along_axis(shares, ids[:, None], axis=1)[:, 0]
    return Labelled(ids, probabilities, tag_ids)


def _borders(model: Tagger, labels: Sequence[str], scheme: Scheme) -> npt.NDArray[np.float32] | None:
    """Scores of labels that follow one another, [L + 1, L + 1]; ``None`` where words are labelled on their own."""
    learned = model.head.borders.detach().float().cpu().numpy() if isinstance(model.head, CRFHead) else None
    if not model.config.constrained:
        return learned
    allowed = np.array(allowed_borders(labels, scheme))
    base = np.zeros(allowed.shape, dtype=np.float32) if learned is None else learned
    borders: npt.NDArray[np.float32] = np.where(allowed, base, np.float32(-np.inf))
    return borders


def score_batch(
    model: Tagger, windows: Windows, indices: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64] | None]:
    """Scores of the words of some windows.

    Args:
        model: The tagger.
        windows: An encoded corpus.
        indices: Which windows, int64 [B].

    Returns:
        logits: float32 [B, W, L].
        tags: The joint head's best tags, int64 [B, W]; ``None`` without such a head.
    """
    batch = collate(windows, indices)
    output = model(
        input_ids=batch["input_ids"].to(model.device),
        attention_mask=batch["attention_mask"].to(model.device),
        first_pieces=batch["first_pieces"].to(model.device),
        feature_ids=batch["feature_ids"].to(model.device),
    )
    tags = None if output.tag_logits is None else output.tag_logits.argmax(-1).cpu().numpy()
    return output.logits.float().cpu().numpy(), tags
