"""How a dual encoder learns: heads alone on kept features, or everything from pixels and words."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nonet.align.batches import Batch, FeaturePairs, PicturePairs, as_it_is, identities
from nonet.align.config import HeadConfig, LearningConfig
from nonet.align.data import Pairs
from nonet.align.encoders import image_encoder, text_encoder
from nonet.align.encoders.base import fingerprint
from nonet.align.evaluate import Retrieval, retrieval
from nonet.align.features import image_features, kept, text_features
from nonet.align.loss import contrastive_loss
from nonet.align.model import DualEncoder, Heads
from nonet.align.replay import in_chunks
from nonet.foundation import devices
from nonet.foundation.devices import is_main_process
from nonet.foundation.errors import DataError
from nonet.foundation.optimisation import adamw
from nonet.foundation.training import History, TrainingConfig, fit

__all__ = ["Outcome", "build", "evaluate_on", "train"]

_BATCH_AVERAGES = 10  # averages of batch normalisation are renewed so many times in a training


@dataclass(frozen=True)
class Outcome:
    """What a training gave.

    Attributes:
        history: loss and measures by step.
        validation: retrieval on the validation split; None where it is empty, and on all processes but the first.
    """

    history: History
    validation: Retrieval | None


def build(
    image: str,
    text: str,
    heads: HeadConfig,
    *,
    texts: Iterable[str],
    seed: int,
    image_size: int | None = None,
    tokenizer: Path | None = None,
    vocabulary: int | None = None,
) -> DualEncoder:
    """An untrained dual encoder.

    Args:
        image: the image tower; see `encoders.image_encoder`.
        text: the text tower; see `encoders.text_encoder`.
        heads: what follows the towers.
        texts: what a text tower with random weights learns its vocabulary from.
        seed: decides all random weights.
        image_size: side of the square that the image tower sees; its own by default.
        tokenizer: of a text tower with random weights, instead of one learnt from `texts`.
        vocabulary: entries of the one that is learnt.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        reader = text_encoder(text, texts=texts, tokenizer=tokenizer, vocabulary=vocabulary)
        return DualEncoder(image_encoder(image, size=image_size), reader, heads)


def train(model: DualEncoder, pairs: Pairs, config: LearningConfig, *, folder: Path, cache: Path) -> Outcome:
    """Trains a model in place on the training split, and measures it on the validation split.

    Args:
        model: as built or loaded.
        pairs: of all splits; the test split is not looked at.
        config: the options.
        folder: of this run: log and checkpoints. The same call goes on where an interrupted one was stopped.
        cache: where features of frozen towers are kept.
    Raises:
        DataError: if there are fewer than two pictures to learn from.
    """
    learning, held_out = pairs.split("train"), pairs.split("validation")
    count = len(learning.images)
    if count < 2:
        raise DataError(
            f"There are {count} pictures to train on; a pair is learnt by telling it from others.",
            where=pairs.folder,
            fix="Bring more pairs, or hold fewer of them out (--validation, --test).",
        )
    model.to(devices.pick(config.device))
    learner = (Whole if config.unfreeze else _HeadsAlone)(model, config, cache)
    measure = functools.partial(learner.measure, held_out) if held_out.images else None
    options = training_options(count, config)
    begun_with = fingerprint(model.describe(), model.state_dict())
    if isinstance(learner, Whole):
        learner.forget_first_weights(options.steps)
    history = fit(
        learner,
        learner.data(learning),
        options,
        folder=folder,
        collate=as_it_is,
        optimizer=functools.partial(learner.optimizer, options=options),
        evaluate=None if measure is None else lambda _, step: figures_of(measure()),
        fingerprint=f"{learning.fingerprint} {begun_with}",
    )
    model.requires_grad_(True).eval()
    return Outcome(history, measure() if measure and is_main_process() else None)


def evaluate_on(model: DualEncoder, pairs: Pairs, cache: Path | None = None) -> Retrieval:
    """Retrieval of all texts of `pairs` among its pictures and the other way round.

    Args:
        model: any.
        pairs: of one split.
        cache: where a training may have kept features of towers that it did not change; those that are missing there
            are added. Features of other towers are not kept.
    Raises:
        DataError: if there are no pairs.
    """
    if not pairs.images:
        raise DataError("There are no pairs to evaluate on.", where=pairs.folder, fix="Choose another split.")
    if cache is not None and kept(model.image_encoder, cache) and kept(model.text_encoder, cache):
        with torch.inference_mode():
            features = (torch.from_numpy(tower).to(model.device) for tower in _features(model, pairs, cache))
            images, texts = (embeddings.cpu().numpy() for embeddings in model.heads(*features))
    else:
        images, texts = model.embed_images(pairs.images), model.embed_texts(pairs.texts)
    return retrieval(images, texts, pairs.image_of)


class _Learner(nn.Module):
    """A model as the training loop sees it: a batch goes in, the loss comes out."""

    def __init__(self, model: DualEncoder, config: LearningConfig, cache: Path) -> None:
        super().__init__()
        self.config, self.cache = config, cache

    def loss(self, heads: Heads, batch: Batch, images: Tensor, texts: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        temperature = heads.temperature
        seen, read = heads(images, texts)
        same = identities(batch)
        groups = torch.arange(len(seen), device=seen.device).chunk(round(1 / self.config.negatives))
        parts = [
            contrastive_loss(
                seen[rows],
                read[rows],
                temperature,
                smoothing=self.config.smoothing,
                identities=[number[rows] for number in same],
            )
            * (len(rows) / len(seen))
            for rows in groups
        ]
        loss = torch.stack(parts).sum()
        figures = {"temperature": temperature.detach()}
        return loss, figures | {name: batch[name] for name in ("damaged",) if name in batch}


class _HeadsAlone(_Learner):
    """The heads learn from features that frozen towers gave once."""

    def __init__(self, model: DualEncoder, config: LearningConfig, cache: Path) -> None:
        super().__init__(model, config, cache)
        self.heads = model.heads
        self.model = [model]  # in a list: its towers are no part of what learns, moves and is kept in checkpoints

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        return self.loss(self.heads, batch, batch["image_features"], batch["text_features"])

    def data(self, pairs: Pairs) -> FeaturePairs:
        return FeaturePairs(pairs, *_features(self.model[0], pairs, self.cache))

    def optimizer(self, groups: list[dict[str, Any]], options: TrainingConfig) -> Optimizer:
        return _optimizer(groups, options, self.config)

    def measure(self, pairs: Pairs) -> Retrieval:
        """Retrieval from kept features."""
        return evaluate_on(self.model[0], pairs, self.cache)


class Whole(_Learner):
    """Towers and heads learn together from pixels and tokens."""

    def __init__(self, model: DualEncoder, config: LearningConfig, cache: Path) -> None:
        super().__init__(model, config, cache)
        self.model = model

    def forget_first_weights(self, steps: int) -> None:
        """Lets the averages of batch normalisation reach back over a tenth of the training at most.

        The published 0.01 reaches back over hundreds of steps: after a shorter training, evaluation would still use
        averages of pictures as the first, random weights saw them.
        """
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm2d) and module.momentum is not None:
                module.momentum = max(module.momentum, min(1.0, _BATCH_AVERAGES / steps))

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        inputs = (batch["pixels"], batch["ids"], batch["mask"])
        images, texts = in_chunks(self.encode, self.model, inputs, self.config.chunk)
        return self.loss(self.model.heads, batch, images, texts)

    def encode(self, pixels: Tensor, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Features of some of the pairs."""
        return self.model.image_encoder(pixels), self.model.text_encoder(ids, mask)

    def data(self, pairs: Pairs) -> PicturePairs:
        return PicturePairs(pairs, self.model.image_encoder, self.model.text_encoder, self.config)

    def optimizer(self, groups: list[dict[str, Any]], options: TrainingConfig) -> Optimizer:
        """Towers that know something already learn at a share of the rate, so that they do not forget it."""
        heads = {id(parameter) for parameter in self.model.heads.parameters()}
        slow = options.learning_rate * self.config.tower_rate
        split = []
        for group in groups:
            split.append({**group, "params": [p for p in group["params"] if id(p) in heads]})
            split.append({**group, "params": [p for p in group["params"] if id(p) not in heads], "lr": slow})
        return _optimizer([group for group in split if group["params"]], options, self.config)

    def measure(self, pairs: Pairs) -> Retrieval:
        """Retrieval by the model as it is now."""
        return evaluate_on(self.model, pairs)


def _optimizer(groups: list[dict[str, Any]], options: TrainingConfig, config: LearningConfig) -> Optimizer:
    if config.optimizer == "adamw":
        return adamw(groups, options)
    from pytorch_optimizer import Lamb

    return Lamb(groups, lr=options.learning_rate, betas=options.betas)


def _features(model: DualEncoder, pairs: Pairs, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    return (
        image_features(model.image_encoder, pairs.images, pairs.digests, cache),
        text_features(model.text_encoder, pairs.texts, cache),
    )


def training_options(pictures: int, config: LearningConfig) -> TrainingConfig:
    batch = min(config.batch_size, pictures)
    steps = config.epochs * (pictures // batch)
    return TrainingConfig(
        steps=steps,
        batch_size=batch,
        learning_rate=config.learning_rate,
        warmup_steps=int(steps * config.warmup),
        schedule=config.schedule,
        weight_decay=config.weight_decay,
        precision=config.precision,
        ema_decay=config.ema,
        evaluate_every=config.look_every,
        checkpoint_every=max(1, min(500, steps // 10)),
        log_every=max(1, min(20, steps // 10)),
        workers=config.workers if config.unfreeze else 0,
        seed=config.seed,
        device=config.device,
    )


def figures_of(measured: Retrieval) -> dict[str, float]:
    return {
        "mean_recall": measured.mean_recall,
        "image_to_text_recall_1": measured.image_to_text.recall[0],
        "text_to_image_recall_1": measured.text_to_image.recall[0],
    }
