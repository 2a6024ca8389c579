"""Batches of training from shards: decoded where they are read, damaged samples counted and left out."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch.utils.data import Dataset

from nonet.align.batches import Batch, prepared
from nonet.align.config import LearningConfig
from nonet.align.encoders import ImageEncoder, TextEncoder
from nonet.align.evaluate import Retrieval, retrieval
from nonet.align.model import DualEncoder
from nonet.align.pictures import open_picture
from nonet.align.shards import Sample, Shards
from nonet.foundation.errors import DataError

__all__ = ["ShardPairs", "evaluate_shards"]

_BLOCK = 256  # samples decoded at a time for an evaluation


class ShardPairs(Dataset):
    """Pixels and tokens of samples in shards, a batch at a time.

    The place of a damaged sample in its batch is taken by another of the batch. The two have the same picture, so they
    are no negatives of each other. How many were damaged is a number of the batch, ``damaged``.
    """

    def __init__(
        self, shards: Shards, image_encoder: ImageEncoder, text_encoder: TextEncoder, config: LearningConfig
    ) -> None:
        self.shards, self.config = shards, config
        self.image_encoder, self.preprocess_texts = image_encoder, text_encoder.preprocess

    def __len__(self) -> int:
        return len(self.shards)

    def epoch_order(self, seed: int, epoch: int) -> np.ndarray:
        """See `Shards.epoch_order`."""
        return self.shards.epoch_order(seed, epoch)

    def __getitems__(self, rows: list[int]) -> Batch:
        """The samples `rows` with a text each.

        Raises:
            DataError: if all of them are damaged.
        """
        samples, pictures, damaged = [], [], 0
        for row in rows:
            try:
                sample = self.shards.read(row)
                pictures.append(open_picture(sample.picture))
                samples.append(sample)
            except DataError as error:
                damaged, last = damaged + 1, error
        if not samples:
            raise DataError(f"All {len(rows)} samples of a batch are damaged; the last: {last.what}", where=last.where)
        for spare in range(damaged):
            samples.append(samples[spare % (len(rows) - damaged)])
            pictures.append(pictures[spare % (len(rows) - damaged)])
        texts = [sample.texts[np.random.randint(len(sample.texts))] for sample in samples]
        tokens = self.preprocess_texts(texts)
        return {
            "pixels": prepared(pictures, self.image_encoder, self.config),
            "ids": tokens.ids,
            "mask": tokens.mask,
            "picture": _numbers([sample.sha256 or _digest(sample.picture) for sample in samples]),
            "text": _numbers([text.casefold().strip() for text in texts]),
            "damaged": torch.tensor(float(damaged)),
        }


def evaluate_shards(model: DualEncoder, shards: Shards, most: int = 5000) -> Retrieval:
    """Retrieval among the first samples of some shards; damaged ones are left out.

    Args:
        model: any.
        shards: of one split.
        most: samples compared with each other.
    Raises:
        DataError: if no sample can be read.
    """
    images, texts, image_of = [], [], []
    waiting: list[Sample] = []

    def embed() -> None:
        images.append(model.embed_images([open_picture(sample.picture) for sample in waiting]))
        waiting.clear()

    count = 0
    for number in range(min(most, len(shards))):
        try:
            sample = shards.read(number)
            open_picture(sample.picture)
        except DataError:
            continue
        waiting.append(sample)
        texts += sample.texts
        image_of += [count] * len(sample.texts)
        count += 1
        if len(waiting) == _BLOCK:
            embed()
    if waiting:
        embed()
    if not count:
        raise DataError("No sample of these shards can be read.", where=shards.paths[0])
    return retrieval(np.concatenate(images), model.embed_texts(texts), np.array(image_of))


def _numbers(values: list[str]) -> torch.Tensor:
    """A number for each value, the same wherever it is met."""
    digests = [hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest() for value in values]
    return torch.tensor([int.from_bytes(digest, "little", signed=True) for digest in digests])


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
