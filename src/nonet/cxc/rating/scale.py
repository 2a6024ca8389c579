"""The scale that raters see: 0 to 5, with words for every whole number.

The steps are those of semantic textual similarity (Agirre et al. 2012; Cer et al. 2017), carried over to pictures as
the article did; the wording is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from nonet.cxc.config import Kind

__all__ = ["SCALES", "Scale"]


@dataclass(frozen=True)
class Scale:
    """What is asked of one kind of pair.

    Attributes:
        question: above the pair.
        anchors: what 0, 1, 2, 3, 4 and 5 mean.
    """

    question: str
    anchors: tuple[str, str, str, str, str, str]


SCALES: dict[Kind, Scale] = {
    "sts": Scale(
        "How close are these two captions in meaning?",
        (
            "They speak of different things.",
            "They share a topic, and nothing else.",
            "They describe different scenes that have some details in common.",
            "The gist is the same, but something that matters differs or is said only once.",
            "Nearly the same: only small details differ.",
            "They mean the same.",
        ),
    ),
    "sis": Scale(
        "How close are the scenes in these two pictures?",
        (
            "They show different things.",
            "They share a kind of place or theme, and nothing else.",
            "Different scenes with some objects or actions in common.",
            "The same kind of scene, but something that matters differs.",
            "Nearly the same scene: only small details differ.",
            "One caption would describe both, to the last detail.",
        ),
    ),
    "sits": Scale(
        "How well does the caption fit the picture?",
        (
            "It speaks of something else.",
            "The topic fits, and nothing else.",
            "Some details fit, but it describes another scene.",
            "The gist fits, but something that matters is wrong or missing.",
            "It fits but for small details.",
            "It fits fully.",
        ),
    ),
}
