"""How a dual encoder learns from shards: everything, from pixels and words."""

from __future__ import annotations

import functools
from pathlib import Path

from nonet.align.batches import as_it_is
from nonet.align.config import LearningConfig
from nonet.align.encoders.base import fingerprint
from nonet.align.model import DualEncoder
from nonet.align.shard_batches import ShardPairs, evaluate_shards
from nonet.align.shards import Shards
from nonet.align.train import Outcome, Whole, figures_of, training_options
from nonet.foundation import devices
from nonet.foundation.devices import is_main_process
from nonet.foundation.errors import DataError
from nonet.foundation.training import fit

__all__ = ["train_on_shards"]


def train_on_shards(model: DualEncoder, folder: Path, config: LearningConfig, *, run: Path) -> Outcome:
    """Trains a whole model in place on the training shards of a folder, and measures it on the validation shards.

    Args:
        model: as built or loaded.
        folder: of shards; see `shards.write_shards`.
        config: the options; towers learn too.
        run: log and checkpoints. The same call goes on where an interrupted one was stopped, with the same samples.
    Raises:
        DataError: if there are no training shards, or fewer samples than a batch takes.
    """
    model.to(devices.pick(config.device))
    learning = Shards.open(folder, "train")
    held_out = _held_out(folder)
    learner = Whole(model, config, run)
    options = training_options(len(learning), config)
    learner.forget_first_weights(options.steps)
    history = fit(
        learner,
        ShardPairs(learning, model.image_encoder, model.text_encoder, config),
        options,
        folder=run,
        collate=as_it_is,
        optimizer=functools.partial(learner.optimizer, options=options),
        evaluate=None if held_out is None else lambda _, step: figures_of(evaluate_shards(model, held_out)),
        fingerprint=f"{[path.name for path in learning.paths]} {fingerprint(model.describe(), model.state_dict())}",
    )
    model.requires_grad_(True).eval()
    return Outcome(history, evaluate_shards(model, held_out) if held_out and is_main_process() else None)


def _held_out(folder: Path) -> Shards | None:
    try:
        return Shards.open(folder, "validation")
    except DataError:
        return None
