"""The article's claims, re-made at the stated scale, and what the protocol's open choices are worth.

Three small models on frozen towers, three seeds each, learn from Flickr8k and from COCO photographs that nobody rated;
they are judged on held-out Flickr8k photographs and on the part of the ratings whose texts and photographs are there.
All of it twice: on the outputs of a sentence encoder, which knows how similar captions are before it is trained here,
and on word vectors, which do not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from nonet.cxc import enrichment
from nonet.cxc.config import Kind, SelectConfig, TrainConfig
from nonet.cxc.data import RatedPairs, collection_from_ratings
from nonet.cxc.model import CxcModel
from nonet.cxc.ratings import read_ratings
from nonet.cxc.sensitivity import correlation_choices, retrieval_choices, sensitivity_tables
from nonet.cxc.trials import MEASURES, OBJECTIVES, Trial, World, prepare, rated_pairs, stand_in, trial, untrained_sts
from nonet.foundation import console
from nonet.foundation.report import Claim, Estimate, Figure, Report, Table

__all__ = ["StudyConfig", "study", "training_claims", "unmeasured"]

_SEEDS = 3
_TRAINING = (
    (
        "adding text–text training helps image–text retrieval",
        "R@1 of DE_I2T+T2T and DE_I2T: I→T 55.9 and 53.9, T→I 41.7 and 39.8 (Jia et al. 2021, Table 2)",
    ),
    (
        "multitask training is the most balanced over the similarity tasks",
        "DE_I2T+T2T above DE_I2T in the mean of the correlations, 70.2 against 64.6 (Jia et al. 2021, Table 3)",
    ),
    (
        "image–text training alone is worse on caption similarity",
        "much worse: STS 50.9 against 74.2 (Jia et al. 2021, Table 3)",
    ),
    (
        "image–text training alone is best on image similarity",
        "SIS 81.3 against 74.5 (Jia et al. 2021, Table 3)",
    ),
)
_NEEDED = (
    "Needs people's ratings: --data FOLDER with cxc/ (the rating files and captions_val2017.json), coco-363.tar"
    " and flickr8k-800.tar."
)


@dataclass(frozen=True)
class Setting:
    """One way to train all three objectives alike.

    Attributes:
        name: what the texts are read as, for the tables.
        training: everything but objective and seed.
    """

    name: str
    training: TrainConfig


@dataclass(frozen=True)
class StudyConfig:
    """What a study runs on."""

    data: Path
    """A folder with cxc/, coco-363.tar and flickr8k-800.tar."""
    work: Path
    """A folder for runs; the report goes there too."""
    scale: Literal["minutes", "hours"] = "minutes"
    """`minutes` learns from the mean over a caption's tokens for 8 epochs, `hours` with a transformer layer for 40."""
    seed: int = 0
    """The first of three seeds."""

    @property
    def command(self) -> str:
        """What repeats the study."""
        return f"nonet cxc study --data DATA --out OUT --scale {self.scale} --seed {self.seed}"

    @property
    def settings(self) -> tuple[Setting, ...]:
        """What is varied: whether the frozen text network knows how similar captions are before any training here."""
        small = TrainConfig(layers=0, width=256, epochs=8, batch_size=256)
        training = small if self.scale == "minutes" else TrainConfig(epochs=40)
        return (
            Setting("sentence encoder", training),
            Setting("word vectors", replace(training, text_input="words")),
        )


def unmeasured(scale: str) -> Report:
    """The claims without the ratings that measuring them takes."""
    claims = [*_TRAINING, (enrichment.CLAIM, enrichment.ARTICLE)]
    return Report(
        title="Crisscrossed Captions",
        summary="Nothing was measured: no ratings were given.",
        claims=[Claim(text, article, "not measured", None, _NEEDED) for text, article in claims],
        facts={"scale": scale},
    )


def study(config: StudyConfig) -> Report:
    """Re-makes the claims.

    Args:
        config: data and scale.
    """
    with tempfile.TemporaryDirectory() as unpacked:
        world, towers = prepare(config.data, Path(unpacked), config.work / "features")
    note, select = _stand_in_note(world), SelectConfig()
    chosen = _chosen(world, towers, select)
    claims, figures, tables = [], [], []
    for setting in config.settings:
        read = world.read_as(towers.text_encoder, setting.training)
        trials = _trials(read, setting, config)
        claims += training_claims(trials, note, config.command, setting.name)
        figures.append(_trials_figure(trials, setting.name))
        tables.append(_trials_table(trials, read, note, setting.name))
    learn, held_out = (len(seen.collection.images) for seen in (world.learn, world.held_out))
    return Report(
        title="Crisscrossed Captions",
        summary=f"{learn:,} images to learn from, {held_out:,} held out of Flickr8k; the towers are frozen.",
        claims=[*claims, enrichment.enrichment_claim(enrichment.gain(chosen, select), config.command)],
        figures=[*figures, enrichment.enrichment_figure(chosen)],
        tables=[
            *tables,
            enrichment.enrichment_table(chosen, len(world.rated_captions.collection.images), select),
            *_sensitivity(config),
        ],
        facts={
            "scale": config.scale,
            "seeds": ", ".join(str(seed) for seed in range(config.seed, config.seed + _SEEDS)),
        },
    )


def _trials(world: World, setting: Setting, config: StudyConfig) -> list[Trial]:
    """Three seeds of every objective."""
    trials = []
    for objective in OBJECTIVES:
        for seed in range(config.seed, config.seed + _SEEDS):
            run = config.work / "runs" / f"{setting.training.text_input}-{objective}-{seed}"
            trials.append(trial(world, objective, replace(setting.training, seed=seed), run))
            figures = zip(MEASURES, trials[-1].figures, strict=True)
            shown = ", ".join(f"{name} {value:.1f}" for name, value in figures)
            console.note(f"{setting.name}, {objective}, seed {seed}: {shown}")
    return trials


def _sensitivity(config: StudyConfig) -> tuple[Table, Table]:
    """What each choice of the protocol is worth, on the whole test split."""
    rng = np.random.default_rng(config.seed)
    ratings = read_ratings(config.data / "cxc", "test")
    collection = collection_from_ratings(ratings)
    rated: dict[Kind, RatedPairs] = {part.kind: RatedPairs.at_hand(part, collection) for part in ratings.present}
    return sensitivity_tables(correlation_choices(rated, collection, rng), retrieval_choices(rated, collection, rng))


def _chosen(world: World, towers: CxcModel, config: SelectConfig) -> dict[str, enrichment.Chosen]:
    """Rated image pairs as two text encoders of different kinds would choose them, as in the article."""
    words = world.rated_captions
    sis = rated_pairs(world.ratings, "sis", words.collection)
    encoders = {"sentence encoder": words.sentences, "word vectors": _bags_of_words(towers, words.collection.texts)}
    return {
        name: enrichment.chosen_by(name, sis, words.collection, vectors, config) for name, vectors in encoders.items()
    }


@torch.inference_mode()
def _bags_of_words(model: CxcModel, texts: Sequence[str]) -> Float[np.ndarray, "captions dim"]:
    """Mean vectors of a caption's words, out of context."""
    tower = model.text_encoder
    table = tower.network.get_input_embeddings()
    parts = []
    for start in range(0, len(texts), 256):
        ids, mask = tower.preprocess(texts[start : start + 256])
        weight = mask.unsqueeze(-1).float()
        parts.append((table(ids) * weight).sum(1) / weight.sum(1))
    return torch.cat(parts).numpy()


def _spread(trials: Sequence[Trial]) -> dict[str, list[tuple[float, float]]]:
    """For each objective the mean and standard deviation over seeds of each measure."""
    spread = {}
    for objective in OBJECTIVES:
        values = np.array([one.figures for one in trials if one.objective == objective])
        spread[objective] = list(zip(values.mean(axis=0), values.std(axis=0, ddof=1), strict=True))
    return spread


def _stand_in_note(world: World) -> str:
    sis = rated_pairs(world.ratings, "sis", world.photographs.collection)
    (images, image_pairs), (captions, caption_pairs) = stand_in(world, "sis"), stand_in(world, "sits")
    return (
        f"Of only {len(sis.score):,} rated image pairs both photographs are at hand. So SIS and SITS are told by "
        f"{len(world.alike.score):,} pairs of held-out photographs, scored by the similarity of their captions. That "
        f"follows people's scores with a correlation of {images:.1f} in SIS ({image_pairs:,} rated pairs) and "
        f"{captions:.1f} in SITS ({caption_pairs:,} pairs)."
    )


def _trials_table(trials: Sequence[Trial], world: World, note: str, setting: str) -> Table:
    rows = [
        (f"DE_{objective.upper()}", *(f"{mean:.1f} ± {std:.1f}" for mean, std in values))
        for objective, values in _spread(trials).items()
    ]
    sts = rated_pairs(world.ratings, "sts", world.rated_captions.collection)
    sits = rated_pairs(world.ratings, "sits", world.photographs.collection)
    caption = (
        f"Mean ± standard deviation over {_SEEDS} seeds, times 100. Retrieval on held-out Flickr8k; STS on "
        f"{len(sts.score):,} rated pairs; SITS on {len(sits.score):,}, of which {int(sits.original.sum()):,} are "
        f"images with their own captions, all rated high, so that it hardly tells models apart. {note} DE_T2T's image "
        f"side is untrained. Before any training the mean over tokens has an STS of {untrained_sts(world):.1f}."
    )
    return Table(f"Three objectives, {setting}", ["model", *MEASURES], rows, caption)


def _trials_figure(trials: Sequence[Trial], setting: str) -> Figure:
    import plotly.graph_objects as go

    plot = go.Figure()
    for objective, values in _spread(trials).items():
        means, spread = zip(*values, strict=True)
        plot.add_trace(go.Bar(x=MEASURES, y=means, error_y={"array": spread}, name=f"DE_{objective.upper()}"))
    plot.update_layout(barmode="group", yaxis_title="× 100")
    return Figure(
        f"Three objectives, {setting}", plot, f"Means over {_SEEDS} seeds; bars show the standard deviation over seeds."
    )


def training_claims(trials: Sequence[Trial], note: str, command: str, setting: str) -> list[Claim]:
    """The article's claims on objectives: differences between models of the same seed, with their range over seeds.

    Args:
        trials: every objective with the same seeds, in their order.
        note: what stands in for people's scores of images.
        command: what repeats the study.
        setting: what the texts are read as.
    """

    def values(objective: str, *measures: str) -> Float[np.ndarray, " seeds"]:
        """The mean of measures, seed by seed."""
        return np.array([np.mean([one.of(m) for m in measures]) for one in trials if one.objective == objective])

    def estimate(gap: Float[np.ndarray, " seeds"]) -> Estimate:
        basis = f"range over {len(gap)} seeds"
        return Estimate(float(gap.mean()), float(gap.min()), float(gap.max()), "points", basis)

    both, alone = "i2t+t2t", "i2t"
    helps = estimate(values(both, *MEASURES[:2]) - values(alone, *MEASURES[:2]))
    similarities = MEASURES[3:6]
    others = np.maximum(values(alone, *similarities), values("t2t", *similarities))
    balanced = estimate(values(both, *similarities) - others)
    worse = estimate(values(alone, "STS") - values(both, "STS"))
    pictures = "SIS by captions"
    best = estimate(values(alone, pictures) - np.maximum(values(both, pictures), values("t2t", pictures)))
    how = f"Same data, towers and steps; differences within a seed, intervals are their range over seeds. {command}"
    measured = (
        (helps, helps.above(), "Mean of I→T and T→I R@1 of DE_I2T+T2T minus that of DE_I2T."),
        (
            balanced,
            balanced.above(),
            f"Lead in the mean of STS, SIS and SITS by captions over the better of the two others. {note}",
        ),
        (worse, worse.below(), "STS of DE_I2T minus STS of DE_I2T+T2T."),
        (best, best.above(), f"Lead of DE_I2T over the better of the two others. {note}"),
    )
    return [
        Claim(f"{text} ({setting})", article, found, holds, f"{what} {how}")
        for (text, article), (found, holds, what) in zip(_TRAINING, measured, strict=True)
    ]
