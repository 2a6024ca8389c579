"""How the dual encoders learn: in-batch softmax both ways, on features computed once."""

from __future__ import annotations

import sys
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from nonet.align.encoders import ImageEncoder, TransformerTextEncoder, image_encoder, text_encoder
from nonet.cxc.config import TrainConfig
from nonet.cxc.data import Collection, collection_from_rows, read_collection
from nonet.cxc.model import MAX_TOKENS, CxcModel, image_features, text_tower, token_outputs
from nonet.cxc.ratings import KINDS, read_ratings_file
from nonet.foundation import console
from nonet.foundation.artifact import Card
from nonet.foundation.errors import DataError
from nonet.foundation.training import History, Rows, TrainingConfig, fit

__all__ = [
    "Features",
    "Pictures",
    "all_token_outputs",
    "both_ways",
    "compute_features",
    "read_pairs",
    "train",
    "train_folder",
]


@dataclass(frozen=True)
class Pictures:
    """A collection whose pictures are files.

    Attributes:
        collection: images and captions.
        paths: the file of each image.
    """

    collection: Collection
    paths: tuple[Path, ...]

    def only(self, images: set[str]) -> Pictures:
        """The part with these images."""
        part = self.collection.only(images, self.collection.captions)
        path = dict(zip(self.collection.images, self.paths, strict=True))
        return Pictures(part, tuple(path[name] for name in part.images))


@dataclass(frozen=True)
class Features:
    """What the frozen towers say of pictures and captions.

    Attributes:
        images: one row an image.
        tokens: for each caption its token outputs, padded; half precision, for there are many.
        mask: where there are tokens.
        image_of: the row of each caption's image.
    """

    images: Float[Tensor, "images image_width"]
    tokens: Float[Tensor, "captions tokens text_width"]
    mask: Bool[Tensor, "captions tokens"]
    image_of: Int[Tensor, " captions"]


def read_pairs(source: Path, extracted: Path) -> Pictures:
    """Reads a folder, or a .tar, that holds pictures and a ``captions.tsv`` with the columns image and caption.

    A folder that `nonet align pairs` wrote will do too; its training split is taken.

    Args:
        source: the folder or archive. Pictures lie beside the table or in ``images`` there.
        extracted: a folder to unpack an archive into.
    Raises:
        DataError: if there is no such table or a picture is missing.
    """
    if not source.exists():
        raise DataError("There is no such folder or archive.", where=source, fix="Check the spelling of the path.")
    if source.is_file():
        try:
            with tarfile.open(source) as archive:
                archive.extractall(extracted, filter="data")
        except tarfile.TarError as error:
            raise DataError("This is not a .tar archive.", where=source) from error
        source = extracted
    if (source / "pairs.parquet").is_file():
        return _located(_rows_of_pairs(source / "pairs.parquet"), source)
    found = sorted(source.rglob("captions.tsv"))
    if len(found) != 1:
        raise DataError(f"There are {len(found)} files captions.tsv in it.", where=source, fix="It needs exactly one.")
    return _located(read_collection(found[0]), found[0].parent)


def _rows_of_pairs(table: Path) -> Collection:
    """The training split of a folder that `nonet align pairs` wrote."""
    import pyarrow.parquet as parquet

    rows = parquet.read_table(table, columns=["image", "text"], filters=[("split", "=", "train")]).to_pylist()
    return collection_from_rows(({"image": row["image"], "caption": row["text"]} for row in rows), table)


def _located(collection: Collection, folder: Path) -> Pictures:
    """Finds the pictures, beside the table or in ``images`` there."""
    paths = []
    for name in collection.files:
        path = next((path for path in (folder / name, folder / "images" / name) if path.is_file()), None)
        if path is None:
            raise DataError(f"There is no picture '{name}'.", where=folder)
        paths.append(path)
    return Pictures(collection, tuple(paths))


def joined(parts: Sequence[Pictures]) -> Pictures:
    """Several collections as one."""
    offsets = np.cumsum([0] + [len(part.paths) for part in parts])
    collections = [part.collection for part in parts]
    whole = Collection(
        images=tuple(name for part in collections for name in part.images),
        captions=tuple(name for part in collections for name in part.captions),
        image_of=np.concatenate([part.image_of + start for part, start in zip(collections, offsets, strict=False)]),
        texts=tuple(text for part in collections for text in part.texts),
        files=tuple(name for part in collections for name in part.files),
    )
    return Pictures(whole, tuple(path for part in parts for path in part.paths))


def compute_features(pictures: Pictures, image_tower: ImageEncoder, tower: TransformerTextEncoder) -> Features:
    """Runs the frozen towers once."""
    tokens, mask = all_token_outputs(tower, pictures.collection.texts)
    image_of = torch.from_numpy(pictures.collection.image_of)
    return Features(image_features(image_tower, pictures.paths), tokens, mask, image_of)


def all_token_outputs(
    tower: TransformerTextEncoder, texts: Sequence[str]
) -> tuple[Float[Tensor, "captions tokens text_width"], Bool[Tensor, "captions tokens"]]:
    """Token outputs of many texts, padded to the longest, in half precision."""
    longest = min(MAX_TOKENS, tower.preprocess(texts)[1].shape[1])
    parts = []
    with console.progress("Reading captions", len(texts)) as bar:
        for start in range(0, len(texts), 128):
            outputs, mask = token_outputs(tower, texts[start : start + 128])
            missing = longest - mask.shape[1]
            parts.append((F.pad(outputs, (0, 0, 0, missing)).half(), F.pad(mask, (0, missing))))
            bar.advance(len(mask))
    tokens, mask = (torch.cat(column) for column in zip(*parts, strict=True))
    return tokens, mask


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
    batch = min(config.batch, captions)
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
    history = fit(_Objective(model, features), Rows(caption=torch.arange(captions)), options, folder=folder)
    model.cpu().eval()
    return history


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
            rated = _rated_images(exclude)
            pictures = pictures.only({name for name in pictures.collection.images if name not in rated})
        features = compute_features(pictures, model.image_encoder, model.text_encoder)
    history = train(model, features, out / "training")
    left_out = whole - len(pictures.paths)
    towers = f"{image_encoder} and {text_encoder}"
    data = f"{len(pictures.paths):,} images with {len(features.image_of):,} captions"
    card = Card(
        title=f"Dual encoder for Crisscrossed Captions ({config.objective})",
        description=f"Frozen towers {towers}; heads trained with the objective {config.objective}.",
        data=f"{data}; {left_out:,} rated images left out." if exclude else f"{data}.",
        figures={"last training loss": f"{history.last('loss'):.4g}"},
        command=" ".join(["nonet", *sys.argv[1:]]),
        date=date.today(),
    )
    model.save(out, card)
    console.summary(str(out), {"images": len(pictures.paths), "captions": len(features.image_of), "left out": left_out})
    return model


def build(image_tower: str, tower: str, config: TrainConfig) -> CxcModel:
    """An untrained model with the named frozen towers."""
    return CxcModel(image_encoder(image_tower), text_tower(text_encoder(tower)), config)


def _rated_images(folder: Path) -> set[str]:
    """Images that occur in any rating file of the folder, as images or through rated pairs of images."""
    files = [path for kind in KINDS for path in sorted(folder.glob(f"{kind}_*.csv")) if not path.stem.endswith("_raw")]
    if not files:
        raise DataError("There are no rating files.", where=folder, fix="Name the folder with sts_test.csv and others.")
    images: set[str] = set()
    for path in files:
        ratings = read_ratings_file(path)
        images |= set(ratings.right) if ratings.kind == "sits" else set()
        images |= {*ratings.left, *ratings.right} if ratings.kind == "sis" else set()
    return images
