"""``nonet align train`` and ``evaluate``: how a model learns and is judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from nonet.align.config import HeadConfig, LearningConfig, Recipe, with_recipe

if TYPE_CHECKING:
    from nonet.align.evaluate import Retrieval

__all__ = ["evaluate", "train"]

_HEADS, _LEARNING = HeadConfig(), LearningConfig()


def train(
    pairs: Annotated[Path, tyro.conf.Positional],
    out: Path,
    image_encoder: str | None = None,
    text_encoder: str | None = None,
    start: Annotated[Path | None, tyro.conf.arg(name="from")] = None,
    image_size: int | None = None,
    tokenizer: Path | None = None,
    vocabulary: int | None = None,
    recipe: Recipe = "short",
    heads: tyro.conf.OmitArgPrefixes[HeadConfig] = _HEADS,
    learning: tyro.conf.OmitArgPrefixes[LearningConfig] = _LEARNING,
    cache: Path | None = None,
) -> None:
    """Learn embeddings of pictures and texts from pairs.

    Example: nonet align train pairs/ --out model/

    On several processes or machines: torchrun --nproc-per-node 2 -m nonet align train pairs/ --out model/

    Args:
        pairs: a folder made by `nonet align pairs`.
        out: the folder of the model to write; the same command goes on with a training that was interrupted.
        image_encoder: efficientnet-lite0 (the default; ImageNet weights), small or efficientnet-b0 to -b7 (random
            weights), a folder, or an id on the model hub.
        text_encoder: minilm (the default; a sentence encoder), small, bert-mini, bert-base or bert-large (random
            weights), a folder, or an id on the hub.
        start: a model to continue from, instead of new encoders and heads.
        image_size: side in pixels of the square that an EfficientNet sees.
        tokenizer: the vocabulary of a text encoder with random weights, made by `nonet align vocabulary`.
        vocabulary: entries of the vocabulary that such an encoder learns from the pairs otherwise.
        recipe: paper for the options of the paper's pre-training, retrieval for those of its fine-tuning; options that
            you give go before.
        heads: what lies between encoders and embeddings.
        learning: how it learns.
        cache: where features of frozen encoders are kept; the user's cache by default.
    """
    from dataclasses import replace

    from nonet.align.run import Run, execute
    from nonet.foundation import console
    from nonet.foundation.devices import is_main_process

    command = console.command_line()
    heads, learning = with_recipe(recipe, heads, learning)
    run = Run(pairs, out, image_encoder, text_encoder, start, image_size, heads, learning, cache, command)
    run = replace(run, tokenizer=tokenizer, vocabulary=vocabulary)
    outcome = execute(run)
    if not is_main_process():
        return
    if outcome.validation is not None:
        _show_retrieval(outcome.validation, "Retrieval on the validation split")
    console.wrote(out)


def evaluate(
    model: Annotated[Path, tyro.conf.Positional],
    pairs: Annotated[Path, tyro.conf.Positional],
    split: Literal["train", "validation", "test"] = "test",
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: bool = False,
    cache: Path | None = None,
) -> None:
    """Measure how well texts find their pictures and pictures their texts.

    Example: nonet align evaluate model/ pairs/ --split test

    Args:
        model: a folder made by `nonet align train`, an AlignModel or a CLIPModel.
        pairs: a folder made by `nonet align pairs`.
        split: which pairs to use; those of `test` were seen by no training.
        device: where to compute.
        json: print for other programs.
        cache: where the training kept features of frozen encoders; the user's cache by default.
    """
    from nonet.align.data import Pairs
    from nonet.align.features import default_cache
    from nonet.align.interchange import open_model
    from nonet.align.train import evaluate_on
    from nonet.foundation import artifact, console
    from nonet.foundation.devices import pick

    chosen = Pairs.open(pairs).split(split)
    measured = evaluate_on(open_model(model).to(pick(device)), chosen, cache or default_cache())
    if json:
        console.print_json(artifact.plain(measured))
    else:
        _show_retrieval(measured, f"Retrieval on the {split} split of {pairs}")


def _show_retrieval(measured: Retrieval, title: str) -> None:
    from nonet.align.evaluate import CUTOFFS
    from nonet.foundation import console

    cuts = [f"R@{cut}" for cut in CUTOFFS]
    rows = []
    for name, way in (("picture → text", measured.image_to_text), ("text → picture", measured.text_to_image)):
        shown = [f"{100 * value:.1f}" for value in way.recall]
        rows.append([name, way.queries, way.candidates, *shown, way.median_rank])
        rows.append(["  by chance", "", "", *(f"{100 * value:.1f}" for value in way.chance), ""])
    columns = ["direction", "queries", "among", *cuts, "median rank"]
    console.table(columns, rows, title=f"{title} (per cent)")
    console.say(f"mean recall {100 * measured.mean_recall:.1f}")
