"""Classification without labelled pictures: a class is the mean of sentences that name it (Jia et al. 2021, §6.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from nonet.align.embedder import Embedder
from nonet.foundation.errors import DataError

__all__ = ["Accuracy", "accuracy", "class_embeddings", "probabilities", "read_templates"]

_BANK = Path(__file__).parent / "templates.txt"


@dataclass(frozen=True)
class Accuracy:
    """How often the right class comes first.

    Attributes:
        pictures: how many were classified.
        classes: how many classes there were to choose from.
        top_1: share of pictures whose best class is right.
        top_5: share of pictures with the right class among the five best.
        mean_per_class: mean over the classes of the share of their pictures whose best class is right.
    """

    pictures: int
    classes: int
    top_1: float
    top_5: float
    mean_per_class: float


def read_templates(file: Path | None = None) -> list[str]:
    """Sentences with ``{}`` where the name of a class goes.

    Args:
        file: one a line; our own bank by default.
    Raises:
        DataError: if the file cannot be read or a line has not exactly one ``{}``.
    """
    try:
        lines = [line.strip() for line in (file or _BANK).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            "The templates cannot be read.", where=file, fix="A UTF-8 text file, a sentence a line."
        ) from error
    wrong = [line for line in lines if line.count("{}") != 1]
    if wrong or not lines:
        what = f"'{wrong[0][:80]}' has not exactly one {{}}." if wrong else "The file of templates is empty."
        raise DataError(what, where=file, fix="For example: a photo of a {}.")
    return lines


def class_embeddings(
    model: Embedder, names: Sequence[str], templates: Sequence[str]
) -> Float[np.ndarray, "classes dim"]:
    """A vector of length 1 for each class: the mean of its sentences' embeddings, normalised.

    The article averages and then normalises; whether it normalises each sentence first is not stated. Here it does,
    as the ensembles that it refers to do.

    Args:
        model: embeds the sentences.
        names: of the classes, in words.
        templates: see `read_templates`.
    """
    sentences = [template.replace("{}", name) for name in names for template in templates]
    vectors = model.embed_texts(sentences).reshape(len(names), len(templates), -1).mean(1)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def accuracy(scores: Float[np.ndarray, "pictures classes"], labels: Int[np.ndarray, " pictures"]) -> Accuracy:
    """Top-1 and top-5 accuracy; classes that tie with the right one count as better.

    Args:
        scores: the higher the likelier.
        labels: numbers of the right classes.
    """
    right = np.take_along_axis(scores, labels[:, None], axis=1)
    others = np.arange(scores.shape[1]) != labels[:, None]
    ranks = 1 + np.sum((scores >= right) & others, axis=1)
    found = ranks == 1
    per_class = [found[labels == number].mean() for number in np.unique(labels)]
    return Accuracy(
        len(labels), scores.shape[1], float(found.mean()), float((ranks <= 5).mean()), float(np.mean(per_class))
    )


def probabilities(
    picture: Float[np.ndarray, " dim"], classes: Float[np.ndarray, "classes dim"], temperature: float
) -> Float[np.ndarray, " classes"]:
    """The softmax of the cosines over the model's temperature."""
    logits = (classes @ picture).astype(np.float64) / temperature
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()
