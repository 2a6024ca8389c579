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

from nonet.cxc.config import CorrelationRules, Kind, SelectConfig, TrainConfig
from nonet.cxc.correlation import correlate, model_scores
from nonet.cxc.data import Collection, RatedPairs, read_collection
from nonet.cxc.evaluate import Material, judge
from nonet.cxc.features import Features, all_token_outputs, compute_features
from nonet.cxc.model import CxcModel
from nonet.cxc.pictures import Pictures, joined, read_pairs
from nonet.cxc.ratings import KINDS, Ratings, RatingSet, read_ratings
from nonet.cxc.selection import caption_means, draw_by_similarity
from nonet.cxc.train import build, train

__all__ = ["MEASURES", "OBJECTIVES", "Objective", "Trial", "World", "prepare", "rated_pairs", "stand_in", "trial"]

Objective = Literal["i2t", "t2t", "i2t+t2t"]
OBJECTIVES: tuple[Objective, ...] = ("i2t", "t2t", "i2t+t2t")
MEASURES = ("I→T R@1", "T→I R@1", "T→T R@1", "STS", "SIS by captions", "SITS")
IMAGE_TOWER, TEXT_TOWER = "efficientnet-lite0", "minilm"

_HELD_OUT = 4  # one photograph of Flickr8k in so many
_STAND_IN_PAIRS = 2000


@dataclass(frozen=True)
class Words:
    """Captions and what the frozen text tower says of their tokens; the features have no images."""

    collection: Collection
    features: Features

    @property
    def sentences(self) -> Float[np.ndarray, "captions width"]:
        """The tower's own vector of each caption: the mean over its tokens."""
        return self.features.mean_tokens().numpy()


@dataclass(frozen=True)
class World:
    """What the models learn from and are judged on.

    Attributes:
        learn: features of the photographs to learn from.
        held_out: Flickr8k photographs that no model sees.
        held_out_features: of these.
        alike: image pairs among them, with the similarity of their captions as the score.
        ratings: validation and test ratings together.
        rated_captions: captions of COCO val2017 that people rated.
        photographs: rated photographs at hand.
        photograph_features: of these.
    """

    learn: Features
    held_out: Collection
    held_out_features: Features
    alike: RatedPairs
    ratings: RatingSet
    rated_captions: Words
    photographs: Collection
    photograph_features: Features


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


def prepare(data: Path, unpacked: Path) -> tuple[World, CxcModel]:
    """Reads the data and runs the frozen towers once.

    Args:
        data: a folder with cxc/, coco-363.tar and flickr8k-800.tar.
        unpacked: an empty folder for the pictures.
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
    held_out, photographs = flickr.only(test), coco.only(set(ratings.images))
    model = build(IMAGE_TOWER, TEXT_TOWER, TrainConfig())

    def features(pictures: Pictures) -> Features:
        return compute_features(pictures, model.image_encoder, model.text_encoder)

    captions = read_collection(data / "cxc" / "captions_val2017.json").only(ratings.images, ratings.captions)
    tokens, mask = all_token_outputs(model.text_encoder, captions.texts)
    words = Features(torch.empty(0, model.image_encoder.width), tokens, mask, torch.from_numpy(captions.image_of))
    held_out_features = features(held_out)
    sentences = Words(held_out.collection, held_out_features).sentences
    world = World(
        learn=features(learn),
        held_out=held_out.collection,
        held_out_features=held_out_features,
        alike=_described_alike(held_out.collection, sentences),
        ratings=ratings,
        rated_captions=Words(captions, words),
        photographs=photographs.collection,
        photograph_features=features(photographs),
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


def _described_alike(collection: Collection, sentences: Float[np.ndarray, "captions width"]) -> RatedPairs:
    """Image pairs, chosen as people were given theirs, whose score is the similarity of their captions."""
    described, means = caption_means(collection, sentences)
    drawn = draw_by_similarity(means, _STAND_IN_PAIRS, SelectConfig(), np.random.default_rng(0))
    none = np.zeros(len(drawn.first), dtype=bool)
    return RatedPairs("sis", described[drawn.first], described[drawn.second], drawn.similarity, none, len(none))


def stand_in(world: World) -> float:
    """How the similarity of captions follows people's scores of the images: the correlation of SIS, times 100."""
    words = world.rated_captions
    described, means = caption_means(words.collection, words.sentences)
    whole = np.zeros((len(words.collection.images), means.shape[1]), dtype=np.float32)
    whole[described] = means
    pairs = rated_pairs(world.ratings, "sis", words.collection)
    return 100 * correlate(pairs, model_scores(pairs, whole, whole), CorrelationRules()).mean


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
    train(model, world.learn, folder)
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
    held_out = images(world.held_out_features)
    found = judge(Material(world.held_out, held_out, texts(world.held_out_features)), RatingSet("held out"))
    recall = {run.result.task: run.result.recall[0].value for run in found.retrieval}
    sts = rated_pairs(world.ratings, "sts", world.rated_captions.collection)
    words = texts(world.rated_captions.features)
    sits = rated_pairs(world.ratings, "sits", world.photographs)
    own, photographs = texts(world.photograph_features), images(world.photograph_features)
    return (
        recall["i2t"],
        recall["t2i"],
        recall["t2t"],
        correlate(sts, model_scores(sts, words, words), rules).mean,
        correlate(world.alike, model_scores(world.alike, held_out, held_out), rules).mean,
        correlate(sits, model_scores(sits, own, photographs), rules).mean,
    )
