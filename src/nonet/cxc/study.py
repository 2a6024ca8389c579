"""The article's claims, re-made at the stated scale, and what the protocol's open choices are worth.

Three small models on frozen towers, three seeds each, learn from Flickr8k and from COCO photographs that nobody rated;
they are judged on held-out Flickr8k photographs and on the part of the ratings whose texts and photographs are there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float

from nonet.cxc.config import CorrelationRules, Kind, SelectConfig, TrainConfig
from nonet.cxc.correlation import correlate, model_scores
from nonet.cxc.data import Collection, RatedPairs, collection_from_ratings, read_collection
from nonet.cxc.evaluate import Material, judge
from nonet.cxc.model import CxcModel
from nonet.cxc.ratings import KINDS, Ratings, RatingSet, read_ratings
from nonet.cxc.selection import Bands, caption_means
from nonet.cxc.sensitivity import correlation_choices, retrieval_choices, sensitivity_tables
from nonet.cxc.train import Features, Pictures, all_token_outputs, build, compute_features, joined, read_pairs, train
from nonet.foundation import console
from nonet.foundation.report import Claim, Estimate, Report, Table

__all__ = ["Judged", "StudyConfig", "enrichment", "study"]

Objective = Literal["i2t", "t2t", "i2t+t2t"]
OBJECTIVES: tuple[Objective, ...] = ("i2t", "t2t", "i2t+t2t")
_MEASURES = ("I→T R@1", "T→I R@1", "T→T R@1", "STS", "SIS", "SITS")


@dataclass(frozen=True)
class StudyConfig:
    """What a study runs on."""

    data: Path
    """A folder with cxc/, coco-363.tar and flickr8k-800.tar."""
    work: Path
    """A folder for runs; the report goes there too."""
    scale: Literal["minutes", "hours"] = "minutes"
    """`minutes` trains 8 epochs, `hours` 40."""
    seed: int = 0
    """The first of three seeds."""

    @property
    def command(self) -> str:
        """What repeats the study."""
        return f"nonet cxc study --data DATA --out OUT --scale {self.scale} --seed {self.seed}"

    @property
    def training(self) -> TrainConfig:
        """The settings that all models share."""
        return TrainConfig(epochs=8 if self.scale == "minutes" else 40)


@dataclass(frozen=True)
class Judged:
    """One model's figures, times 100; NaN where it cannot be judged.

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
        return self.figures[_MEASURES.index(measure)]


@dataclass(frozen=True)
class _World:
    """What the models learn from and are judged on."""

    learn: Features
    flickr: Collection
    flickr_features: Features
    rated: RatingSet
    captions: Collection
    caption_tokens: Float[torch.Tensor, "captions tokens width"]
    caption_mask: Bool[torch.Tensor, "captions tokens"]
    photos: Pictures
    photo_features: Features


def study(config: StudyConfig, *, made: str = "") -> Report:
    """Re-makes the claims.

    Args:
        config: data and scale.
        made: date of the run.
    """
    seeds = range(config.seed, config.seed + 3)
    with tempfile.TemporaryDirectory() as unpacked:
        world, tower = _prepare(config, Path(unpacked))
    judged = []
    for objective in OBJECTIVES:
        for seed in seeds:
            settings = replace(config.training, objective=objective, seed=seed)
            model = build("efficientnet-lite0", "minilm", settings)
            train(model, world.learn, config.work / "runs" / f"{objective}-{seed}")
            judged.append(_judge(model, world))
            console.note(f"{objective}, seed {seed}: {judged[-1].figures}")
    rng = np.random.default_rng(config.seed)
    official = read_ratings(config.data / "cxc", "test")
    collection = collection_from_ratings(official)
    whole: dict[Kind, RatedPairs] = {part.kind: RatedPairs.at_hand(part, collection) for part in official.present}
    tables = sensitivity_tables(correlation_choices(whole, collection, rng), retrieval_choices(whole, collection, rng))
    enriched, bands = enrichment(world.rated, world.captions, tower, SelectConfig())
    return Report(
        title="Crisscrossed Captions",
        summary=f"{len(world.learn.images):,} images to learn from, {len(world.flickr.images):,} held out of Flickr8k.",
        claims=[*_training_claims(judged, config.command), _enrichment_claim(enriched, config.command)],
        tables=[_models_table(judged), bands, *tables],
        facts={"command": config.command, "seeds": list(seeds)},
        made=made,
    )


def _prepare(config: StudyConfig, unpacked: Path) -> tuple[_World, CxcModel]:
    flickr = read_pairs(config.data / "flickr8k-800.tar", unpacked / "flickr")
    coco = read_pairs(config.data / "coco-363.tar", unpacked / "coco")
    rated = _both_splits(config.data / "cxc")
    order = np.random.default_rng(0).permutation(len(flickr.paths))  # the same test photographs for every seed
    held_out = {flickr.collection.images[row] for row in order[: len(order) // 4]}
    learn = joined(
        [
            flickr.only(set(flickr.collection.images) - held_out),
            coco.only(set(coco.collection.images) - rated.images),
        ]
    )
    photos, test = coco.only(set(rated.images)), flickr.only(held_out)
    model = build("efficientnet-lite0", "minilm", config.training)
    features = [compute_features(part, model.image_encoder, model.text_encoder) for part in (learn, test, photos)]
    every = read_collection(config.data / "cxc" / "captions_val2017.json")
    captions = every.only(rated.images, rated.captions)
    tokens, mask = all_token_outputs(model.text_encoder, captions.texts)
    return _World(features[0], test.collection, features[1], rated, captions, tokens, mask, photos, features[2]), model


def _both_splits(folder: Path) -> RatingSet:
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


@torch.inference_mode()
def _judge(model: CxcModel, world: _World) -> Judged:
    heads = model.heads

    def texts(tokens: torch.Tensor, mask: torch.Tensor) -> Float[np.ndarray, "captions dim"]:
        parts = zip(tokens.split(256), mask.split(256), strict=True)
        return torch.cat([heads.embed_tokens(part.float(), where) for part, where in parts]).numpy()

    test, photographs = world.flickr_features, world.photo_features
    images, captions = heads.embed_images(test.images).numpy(), texts(test.tokens, test.mask)
    found = judge(Material(world.flickr, images, captions), RatingSet("held out"))
    recall = {run.result.task: 100 * run.result.recall[0].value for run in found.retrieval}
    photos = heads.embed_images(photographs.images).numpy()
    own = texts(photographs.tokens, photographs.mask)
    rules = CorrelationRules()
    sts = RatedPairs.at_hand(_one(world.rated, "sts"), world.captions)
    words = texts(world.caption_tokens, world.caption_mask)
    collection = world.photos.collection
    sis, sits = (RatedPairs.at_hand(_one(world.rated, kind), collection) for kind in ("sis", "sits"))
    correlations = (
        correlate(sts, model_scores(sts, words, words), rules).mean,
        correlate(sis, model_scores(sis, photos, photos), replace(rules, method="plain")).mean,
        correlate(sits, model_scores(sits, own, photos), rules).mean,
    )
    figures = (recall["i2t"], recall["t2i"], recall["t2t"], *(100 * value for value in correlations))
    return Judged(model.config.objective, model.config.seed, figures)


def _one(ratings: RatingSet, kind: Kind) -> Ratings:
    part = getattr(ratings, kind)
    assert part is not None
    return part


def _models_table(judged: Sequence[Judged]) -> Table:
    rows = []
    for objective in OBJECTIVES:
        values = np.array([model.figures for model in judged if model.objective == objective])
        spread = zip(values.mean(axis=0), values.std(axis=0, ddof=1), strict=True)
        rows.append((f"DE_{objective.upper()}", *(f"{mean:.1f} ± {std:.1f}" for mean, std in spread)))
    caption = (
        "Mean ± standard deviation over three seeds, times 100. Retrieval on held-out Flickr8k; STS, SIS and SITS on "
        "the rated pairs at hand. DE_T2T's image side is untrained."
    )
    return Table("Three objectives", ["model", *_MEASURES], rows, caption)


def _training_claims(judged: Sequence[Judged], command: str) -> list[Claim]:
    """Differences between objectives of the same seed, with their range over the seeds."""

    def values(objective: str, measure: str) -> Float[np.ndarray, " seeds"]:
        return np.array([model.of(measure) for model in judged if model.objective == objective])

    def difference(a: str, b: str, measures: Sequence[str]) -> Estimate:
        gap = np.mean([values(a, measure) - values(b, measure) for measure in measures], axis=0)
        return Estimate(float(gap.mean()), float(gap.min()), float(gap.max()), "points", "range over three seeds")

    helps = difference("i2t+t2t", "i2t", ["I→T R@1", "T→I R@1"])
    means = {o: np.mean([values(o, "STS"), values(o, "SITS")], axis=0) for o in OBJECTIVES}
    rest = np.maximum(means["i2t"], means["t2t"])
    lead = means["i2t+t2t"] - rest
    balanced = Estimate(float(lead.mean()), float(lead.min()), float(lead.max()), "points", "range over three seeds")
    worse = difference("i2t", "i2t+t2t", ["STS"])
    how = f"Same data, towers and steps, three seeds; intervals are the range over seeds. {command}"
    return [
        Claim(
            "adding text–text training helps image–text retrieval",
            "R@1 of DE_I2T+T2T and DE_I2T: I→T 55.9 and 53.9, T→I 41.7 and 39.8 (Jia et al. 2021, Table 2)",
            helps,
            _sign(helps),
            how,
        ),
        Claim(
            "multitask training is the most balanced over the similarity tasks",
            "DE_I2T+T2T above DE_I2T in the mean of the correlations, 70.2 against 64.6 (Jia et al. 2021, Table 3)",
            balanced,
            _sign(balanced),
            f"Lead in the mean of STS and SITS over the better of the two others. {how}",
        ),
        Claim(
            "image–text training alone is much worse on caption similarity",
            "STS 50.9 against 74.2 (Jia et al. 2021, Table 3)",
            worse,
            _sign(Estimate(-worse.value, -worse.high, -worse.low)),
            f"STS of DE_I2T minus STS of DE_I2T+T2T. {how}",
        ),
        Claim(
            "image–text training alone is best on image similarity",
            "SIS 81.3 against 74.5 (Jia et al. 2021, Table 3)",
            difference("i2t", "i2t+t2t", ["SIS"]),
            None,
            f"Hardly any rated image pair has both photographs at hand, far too few to tell. {how}",
        ),
    ]


def _sign(estimate: Estimate) -> bool:
    """Whether the lead is above zero for every seed."""
    return estimate.low > 0


def enrichment(
    ratings: RatingSet, captions: Collection, model: CxcModel, config: SelectConfig
) -> tuple[Estimate, Table]:
    """Mean human score of image pairs that captions choose by `config`, against random pairs.

    Rated pairs stand for all pairs of their band of caption similarity; bands and their sizes are those of all pairs
    of the images at hand. Two text encoders choose: the frozen sentence encoder and mean word vectors.

    Returns:
        The gain in points of the scale, with a bootstrap interval over rated pairs; and the bands.
    """
    sis = RatedPairs.at_hand(_one(ratings, "sis"), captions)
    rng = np.random.default_rng(config.seed)
    rows, gains = [], []
    for name, vectors in (("sentence encoder", _sentences(model, captions)), ("word vectors", _words(model, captions))):
        described, means = caption_means(captions, vectors)
        row = {int(image): place for place, image in enumerate(described)}
        left, right = (np.array([row[int(image)] for image in side]) for side in (sis.left, sis.right))
        bands = Bands.measure(means, config.bands)
        band = bands.of(np.einsum("ij,ij->i", means[left], means[right]))
        drawn = [_gain(band, sis.score, bands, config)]
        for _ in range(200):
            again = rng.integers(0, len(band), len(band))
            drawn.append(_gain(band[again], sis.score[again], bands, config))
        gains.append(drawn)
        for b in range(config.bands):
            scores = sis.score[band == b]
            share = bands.population[b] / bands.population.sum()
            mean = f"{scores.mean():.2f}" if len(scores) else ""
            rows.append((name, b, f"{share:.4%}", f"{bands.shares(config.lean)[b]:.1%}", len(scores), mean))
    mean_gain = np.mean(gains, axis=0)
    low, high = np.percentile(mean_gain[1:], [2.5, 97.5])
    columns = ["chosen by", "band", "share of all pairs", "share of the sample", "rated pairs", "mean human score"]
    caption = (
        f"Image pairs chosen by their captions; {len(sis.score):,} rated pairs of {len(captions.images):,} images."
    )
    estimate = Estimate(float(mean_gain[0]), float(low), float(high), "points of 5", "95 % bootstrap over rated pairs")
    return estimate, Table("Indirect sampling: human scores by band of caption similarity", columns, rows, caption)


def _gain(band: np.ndarray, score: Float[np.ndarray, " pairs"], bands: Bands, config: SelectConfig) -> float:
    count = np.bincount(band, minlength=config.bands)
    rated = count > 0  # a band nobody rated says nothing; its share goes to the others
    mean = np.bincount(band, score, minlength=config.bands)[rated] / count[rated]
    sample, random = bands.shares(config.lean)[rated], bands.population[rated].astype(float)
    return float(mean @ (sample / sample.sum()) - mean @ (random / random.sum()))


@torch.inference_mode()
def _sentences(model: CxcModel, captions: Collection) -> Float[np.ndarray, "captions dim"]:
    """The frozen tower's own sentence vectors."""
    tower, texts = model.text_encoder, captions.texts
    return torch.cat([tower(*tower.preprocess(texts[n : n + 64])) for n in range(0, len(texts), 64)]).numpy()


@torch.inference_mode()
def _words(model: CxcModel, captions: Collection) -> Float[np.ndarray, "captions dim"]:
    """Mean vectors of a caption's words, out of context: a bag of words."""
    tower = model.text_encoder
    table = tower.network.get_input_embeddings()
    parts = []
    for start in range(0, len(captions.texts), 256):
        ids, mask = tower.preprocess(captions.texts[start : start + 256])
        weight = mask.unsqueeze(-1).float()
        parts.append((table(ids) * weight).sum(1) / weight.sum(1))
    return torch.cat(parts).numpy()


def _enrichment_claim(gain: Estimate, command: str) -> Claim:
    return Claim(
        "pairs chosen by the other modality are more similar than random ones",
        "image pairs are taken by the similarity of their captions because random pairs are hardly ever similar",
        gain,
        gain.low > 0,
        f"Mean human score (SIS) of a sample by nonet's default bias minus that of random pairs. {command}",
    )
