"""How the dual encoders learn: in-batch softmax both ways, on features computed once."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import date
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from nonet.align.encoders import fingerprint, image_encoder, text_encoder
from nonet.cxc.config import TrainConfig
from nonet.cxc.features import Features, compute_features
from nonet.cxc.model import CxcModel, text_tower
from nonet.cxc.pictures import joined, rated_images, read_pairs
from nonet.foundation import console
from nonet.foundation.artifact import Card
from nonet.foundation.errors import DataError
from nonet.foundation.training import History, Rows, TrainingConfig, fit

__all__ = ["both_ways", "build", "train", "train_folder"]


def both_ways(
    queries: Float[Tensor, "n dim"],
    items: Float[Tensor, "n dim"],
    image: Int[Tensor, " n"],
    temperature: Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """In-batch softmax from queries to items and back, in equal parts; row n of both belong together.

    Other items of the same image are neither right nor wrong answers: they are left out of the sum.
    """
    logits = queries @ items.T / temperature
    same = (image[:, None] == image[None, :]) & ~torch.eye(len(image), dtype=torch.bool, device=image.device)
    logits = logits.masked_fill(same, float("-inf"))
    target = torch.arange(len(image), device=image.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


class _Objective(nn.Module):
    """The model as the training loop sees it: a batch of captions goes in, the loss comes out."""

    def __init__(self, model: CxcModel, features: Features) -> None:
        super().__init__()
        self.heads, self.config, self.features = model.heads, model.config, features
        order = torch.argsort(features.image_of, stable=True)
        self.count = torch.bincount(features.image_of, minlength=len(features.images))
        self.first = torch.cumsum(self.count, 0) - self.count
        self.captions_of = order
        self.place = torch.empty_like(order)
        self.place[order] = torch.arange(len(order))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        features, heads, rows = self.features, self.heads, batch["caption"].cpu()
        image = features.image_of[rows]
        texts = self._embed(rows)
        temperature = heads.log_temperature.exp()
        loss = texts.new_zeros(())
        if "i2t" in self.config.objective:
            pictures = heads.embed_images(features.images[image].to(texts.device))
            loss = loss + both_ways(pictures, texts, image.to(texts.device), temperature)
        if "t2t" in self.config.objective:
            weight = self.config.t2t_weight if self.config.objective == "i2t+t2t" else 1.0
            siblings = self._embed(self._sibling(rows, image))
            loss = loss + weight * both_ways(texts, siblings, image.to(texts.device), temperature)
        return loss

    def _embed(self, rows: Int[Tensor, " n"]) -> Float[Tensor, "n dim"]:
        device = self.heads.log_temperature.device
        mask = self.features.mask[rows]
        used = int(mask.any(0).sum())
        return self.heads.embed_tokens(self.features.tokens[rows, :used].float().to(device), mask[:, :used].to(device))

    def _sibling(self, rows: Int[Tensor, " n"], image: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
        """Another caption of the same image, drawn at random; the caption itself where it is the only one."""
        count = self.count[image]
        step = 1 + (torch.rand(len(rows)) * (count - 1).clamp(min=1)).long()
        return self.captions_of[self.first[image] + (self.place[rows] - self.first[image] + step) % count]


def train(model: CxcModel, features: Features, folder: Path) -> History:
    """Trains the heads of a model in place.

    Args:
        model: as built.
        features: of the training pictures, by the model's own towers.
        folder: of this run: log and checkpoints; the same call goes on where an interrupted one was stopped.
    Raises:
        DataError: if there are fewer than two images.
    """
    config, captions = model.config, len(features.image_of)
    if len(features.images) < 2:
        raise DataError("There are fewer than two images to learn from.", fix="Bring more pairs.")
    if not config.layers:
        features = features.pooled()
    batch = min(config.batch_size, captions)
    steps = config.epochs * max(1, captions // batch)
    options = TrainingConfig(
        steps=steps,
        batch_size=batch,
        learning_rate=config.learning_rate,
        warmup_steps=steps // 10,
        weight_decay=config.weight_decay,
        clip_norm=config.clip,
        seed=config.seed,
        device=config.device,
    )
    history = fit(
        _Objective(model, features),
        Rows(caption=torch.arange(captions)),
        options,
        folder=folder,
        fingerprint=_fingerprint(model, features),
    )
    model.cpu().eval()
    return history


def _fingerprint(model: CxcModel, features: Features) -> str:
    """Of all that decides the result: a checkpoint of other data, first weights or objective is not gone on with."""
    settings = {name: value for name, value in asdict(model.config).items() if name != "device"}
    return fingerprint(settings, {**model.heads.state_dict(), **vars(features)})


def train_folder(
    sources: Sequence[Path],
    out: Path,
    config: TrainConfig,
    *,
    image_encoder: str,
    text_encoder: str,
    exclude: Path | None = None,
) -> CxcModel:
    """Reads pairs, computes features, trains, and saves the model with its card.

    Args:
        sources: see `read_pairs`.
        out: the model folder.
        config: how to train.
        image_encoder: name of the frozen image tower.
        text_encoder: name of the frozen text tower.
        exclude: a folder of rating files; images in them are left out.
    """
    model = build(image_encoder, text_encoder, config)
    with ExitStack() as stack:
        unpacked = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in sources]
        pictures = joined([read_pairs(source, folder) for source, folder in zip(sources, unpacked, strict=True)])
        whole = len(pictures.paths)
        if exclude is not None:
            rated = rated_images(exclude)
            pictures = pictures.only({name for name in pictures.collection.images if name not in rated})
        features = compute_features(pictures, model.image_encoder, model.text_encoder, config.text_input)
    history = train(model, features, out / "training")
    left_out = whole - len(pictures.paths)
    towers = f"{image_encoder} and {text_encoder}"
    data = f"{len(pictures.paths):,} images with {len(features.image_of):,} captions"
    card = Card(
        title=f"Dual encoder for Crisscrossed Captions ({config.objective})",
        description=f"Frozen towers {towers}; heads trained with the objective {config.objective}.",
        data=f"{data}; {left_out:,} rated images left out." if exclude else f"{data}.",
        figures={"last training loss": f"{history.last('loss'):.4g}"},
        command=console.command_line(),
        date=date.today(),
    )
    model.save(out, card)
    console.summary(str(out), {"images": len(pictures.paths), "captions": len(features.image_of), "left out": left_out})
    return model


def build(image_tower: str, tower: str, config: TrainConfig) -> CxcModel:
    """An untrained model with the named frozen towers."""
    return CxcModel(image_encoder(image_tower), text_tower(text_encoder(tower)), config)
