"""The three objectives, trained alike and judged alike on what none of them has seen.

People rated 267,095 pairs, but of hardly any image pair are both photographs in the small public part of COCO. How
alike two images are is therefore also told by how alike people describe them: the mean vectors of their captions. How
well that stand-in follows human scores is itself measured, on the rated image pairs whose captions are at hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from nonet.align.encoders import TransformerTextEncoder
from nonet.cxc.config import CorrelationRules, Kind, SelectConfig, TrainConfig
from nonet.cxc.correlation import correlate, model_scores
from nonet.cxc.data import Collection, RatedPairs, read_collection
from nonet.cxc.embeddings import unit_rows
from nonet.cxc.evaluate import Material, judge
from nonet.cxc.features import Features, all_token_outputs, compute_features, kept_features
from nonet.cxc.model import CxcModel
from nonet.cxc.pictures import Pictures, joined, read_pairs
from nonet.cxc.ratings import KINDS, Ratings, RatingSet, read_ratings
from nonet.cxc.selection import caption_means, draw_by_similarity
from nonet.cxc.train import build, train

__all__ = [
    "MEASURES",
    "OBJECTIVES",
    "Objective",
    "Trial",
    "World",
    "prepare",
    "rated_pairs",
    "stand_in",
    "trial",
    "untrained_sts",
]

Objective = Literal["i2t", "t2t", "i2t+t2t"]
OBJECTIVES: tuple[Objective, ...] = ("i2t", "t2t", "i2t+t2t")
MEASURES = ("I→T R@1", "T→I R@1", "T→T R@1", "STS", "SIS by captions", "SITS by captions", "SITS")
IMAGE_TOWER, TEXT_TOWER = "efficientnet-lite0", "minilm"

_HELD_OUT = 4  # one photograph of Flickr8k in so many
_STAND_IN_PAIRS = 2000


@dataclass(frozen=True)
class Seen:
    """A collection and what the frozen towers say of it; there may be captions alone."""

    collection: Collection
    features: Features

    @property
    def sentences(self) -> Float[np.ndarray, "captions width"]:
        """The tower's own vector of each caption: the mean over its tokens."""
        return self.features.mean_tokens().numpy()

    def read_as(self, tower: TransformerTextEncoder, config: TrainConfig) -> Seen:
        """The same as models of this configuration read the captions."""
        features = self.features
        if config.text_input != "outputs":
            tokens, mask = all_token_outputs(tower, self.collection.texts, config.text_input)
            features = replace(features, tokens=tokens, mask=mask)
        return Seen(self.collection, features if config.layers else features.pooled())


@dataclass(frozen=True)
class World:
    """What the models learn from and are judged on.

    Attributes:
        learn: the photographs to learn from.
        held_out: Flickr8k photographs that no model sees.
        alike: image pairs among them, with the similarity of their captions as the score.
        fitting: a caption of each pair's first image with its second image, and how well that image's captions fit.
        ratings: validation and test ratings together.
        rated_captions: captions of COCO val2017 that people rated; no images.
        photographs: rated photographs at hand.
    """

    learn: Seen
    held_out: Seen
    alike: RatedPairs
    fitting: RatedPairs
    ratings: RatingSet
    rated_captions: Seen
    photographs: Seen

    def read_as(self, tower: TransformerTextEncoder, config: TrainConfig) -> World:
        """The same as models of this configuration read the captions."""
        names = ("learn", "held_out", "rated_captions", "photographs")
        return replace(self, **{name: getattr(self, name).read_as(tower, config) for name in names})


@dataclass(frozen=True)
class Trial:
    """One model's figures, times 100.

    Attributes:
        objective: what it was trained for.
        seed: its seed.
        figures: in the order of the measures.
    """

    objective: Objective
    seed: int
    figures: tuple[float, ...]

    def of(self, measure: str) -> float:
        """One figure."""
        return self.figures[MEASURES.index(measure)]


def prepare(data: Path, unpacked: Path, kept: Path) -> tuple[World, CxcModel]:
    """Reads the data and runs the frozen towers once.

    Args:
        data: a folder with cxc/, coco-363.tar and flickr8k-800.tar.
        unpacked: an empty folder for the pictures.
        kept: a folder for the features; what a former run left there is taken.
    Returns:
        The world, and an untrained model with the towers that made its features.
    """
    flickr = read_pairs(data / "flickr8k-800.tar", unpacked / "flickr")
    coco = read_pairs(data / "coco-363.tar", unpacked / "coco")
    ratings = both_splits(data / "cxc")
    order = np.random.default_rng(0).permutation(len(flickr.paths))  # the same test photographs for every seed
    test = {flickr.collection.images[row] for row in order[: len(order) // _HELD_OUT]}
    learn = joined(
        [
            flickr.only(set(flickr.collection.images) - test),
            coco.only(set(coco.collection.images) - ratings.images),
        ]
    )
    model = build(IMAGE_TOWER, TEXT_TOWER, TrainConfig())

    def seen(pictures: Pictures) -> Seen:
        def compute() -> Features:
            return compute_features(pictures, model.image_encoder, model.text_encoder)

        return Seen(
            pictures.collection, kept_features(kept, pictures.collection, f"{IMAGE_TOWER} {TEXT_TOWER}", compute)
        )

    def read(captions: Collection) -> Seen:
        def compute() -> Features:
            tokens, mask = all_token_outputs(model.text_encoder, captions.texts)
            none = torch.empty(0, model.image_encoder.width)
            return Features(none, tokens, mask, torch.from_numpy(captions.image_of))

        return Seen(captions, kept_features(kept, captions, TEXT_TOWER, compute))

    captions = read_collection(data / "cxc" / "captions_val2017.json").only(ratings.images, ratings.captions)
    held_out = seen(flickr.only(test))
    alike = _described_alike(held_out)
    world = World(
        learn=seen(learn),
        held_out=held_out,
        alike=alike,
        fitting=_described_fitting(held_out, alike),
        ratings=ratings,
        rated_captions=read(captions),
        photographs=seen(coco.only(set(ratings.images))),
    )
    return world, model


def both_splits(folder: Path) -> RatingSet:
    """Validation and test ratings as one: together they cover more of what is at hand, and nothing is tuned on them."""
    parts = [read_ratings(folder, split) for split in ("val", "test")]
    kinds: dict[Kind, Ratings] = {}
    for kind in KINDS:
        first, second = (getattr(part, kind) for part in parts)
        kinds[kind] = Ratings(
            kind,
            first.left + second.left,
            first.right + second.right,
            np.concatenate([first.score, second.score]),
            first.method + second.method,
        )
    return RatingSet("val+test", **kinds)


def _described_alike(seen: Seen) -> RatedPairs:
    """Image pairs, chosen as people were given theirs, whose score is the similarity of their captions."""
    described, means = caption_means(seen.collection, seen.sentences)
    drawn = draw_by_similarity(means, _STAND_IN_PAIRS, SelectConfig(), np.random.default_rng(0))
    none = np.zeros(len(drawn.first), dtype=bool)
    return RatedPairs("sis", described[drawn.first], described[drawn.second], drawn.similarity, none, len(none))


def _described_fitting(seen: Seen, alike: RatedPairs) -> RatedPairs:
    """A caption with the image of a similar one, as people were given theirs; scored by that image's captions."""
    captions = np.array([seen.collection.captions_of[row][0] for row in alike.left])
    pairs = RatedPairs("sits", captions, alike.right, alike.score, alike.original, alike.total)
    return replace(pairs, score=_by_captions(seen, pairs))


def stand_in(world: World, kind: Literal["sis", "sits"]) -> tuple[float, int]:
    """How the similarity of captions follows people's scores: the correlation, times 100, and its pairs.

    Images with captions of their own (``c2i_original``) are left out: the caption would be compared with itself.
    """
    seen = world.rated_captions
    rated = rated_pairs(world.ratings, kind, seen.collection)
    rules = CorrelationRules(sits_originals=False)
    found = correlate(rated, _by_captions(seen, rated), rules)
    return 100 * found.mean, found.pairs


def _by_captions(seen: Seen, pairs: RatedPairs) -> Float[np.ndarray, " pairs"]:
    """How similar two images are, or a caption and an image, by what the images' captions say."""
    described, means = caption_means(seen.collection, seen.sentences)
    whole = np.zeros((len(seen.collection.images), means.shape[1]), dtype=np.float32)
    whole[described] = means
    return model_scores(pairs, whole if pairs.kind == "sis" else unit_rows(seen.sentences, "captions"), whole)


def untrained_sts(world: World) -> float:
    """STS of the mean over what the text tower says of a caption's tokens, times 100: what is there before training."""
    pairs = rated_pairs(world.ratings, "sts", world.rated_captions.collection)
    vectors = unit_rows(world.rated_captions.sentences, "captions")
    return 100 * correlate(pairs, model_scores(pairs, vectors, vectors), CorrelationRules()).mean


def rated_pairs(ratings: RatingSet, kind: Kind, collection: Collection) -> RatedPairs:
    """The rated pairs of a kind whose items are at hand."""
    part = getattr(ratings, kind)
    assert part is not None  # the study's ratings have all kinds
    return RatedPairs.at_hand(part, collection)


def trial(world: World, objective: Objective, config: TrainConfig, folder: Path) -> Trial:
    """Trains one model and judges it.

    Args:
        world: what it learns from and is judged on.
        objective: what it is trained for.
        config: how; the seed is the model's.
        folder: of its checkpoints: an interrupted study goes on there.
    """
    model = build(IMAGE_TOWER, TEXT_TOWER, replace(config, objective=objective))
    train(model, world.learn.features, folder)
    return Trial(objective, config.seed, tuple(100 * figure for figure in _judged(model, world)))


@torch.inference_mode()
def _judged(model: CxcModel, world: World) -> tuple[float, ...]:
    """The figures in the order of the measures."""

    def texts(features: Features) -> Float[np.ndarray, "captions dim"]:
        parts = zip(features.tokens.split(256), features.mask.split(256), strict=True)
        return torch.cat([model.heads.embed_tokens(tokens.float(), mask) for tokens, mask in parts]).numpy()

    def images(features: Features) -> Float[np.ndarray, "images dim"]:
        return model.heads.embed_images(features.images).numpy()

    rules = CorrelationRules()
    held_out, described = images(world.held_out.features), texts(world.held_out.features)
    found = judge(Material(world.held_out.collection, held_out, described), RatingSet("held out"))
    recall = {run.result.task: run.result.recall[0].value for run in found.retrieval}
    sts = rated_pairs(world.ratings, "sts", world.rated_captions.collection)
    words = texts(world.rated_captions.features)
    sits = rated_pairs(world.ratings, "sits", world.photographs.collection)
    own, photographs = texts(world.photographs.features), images(world.photographs.features)
    return (
        recall["i2t"],
        recall["t2i"],
        recall["t2t"],
        correlate(sts, model_scores(sts, words, words), rules).mean,
        correlate(world.alike, model_scores(world.alike, held_out, held_out), rules).mean,
        correlate(world.fitting, model_scores(world.fitting, described, held_out), rules).mean,
        correlate(sits, model_scores(sits, own, photographs), rules).mean,
    )
