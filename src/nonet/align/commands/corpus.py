"""``nonet align vocabulary``, ``shards`` and ``deduplicate``: what a large training reads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import tyro

from nonet.align.neardup_config import NearDuplicates

__all__ = ["deduplicate", "shards", "vocabulary"]

_NEAR = NearDuplicates()
_SIDE = 128


def vocabulary(
    source: Annotated[Path, tyro.conf.Positional],
    out: Path,
    size: int = 100_000,
    column: str = "alt",
) -> None:
    """Learn a WordPiece vocabulary from a corpus.

    Example: nonet align vocabulary pairs/ --size 100000 --out tokenizer.json

    Args:
        source: a folder of pairs or of shards (their training splits), Parquet or a folder of it (such as the table
            that `nonet align filter` keeps), or a text file with a text a line.
        out: the file of the tokenizer, for `nonet align train --tokenizer`.
        size: entries at most. The paper has 100,000, and 250,000 for more than a hundred languages.
        column: of a Parquet table, the one with the texts.
    """
    from nonet.align.corpus import texts_of
    from nonet.align.encoders.text import train_wordpiece
    from nonet.foundation import console
    from nonet.foundation.errors import DataError, UsageError
    from nonet.foundation.files import replace_file

    if size < 10:
        raise UsageError(f"A vocabulary of {size} holds no words.", where="--size", fix="Choose 1000 or more.")
    texts: Iterable[str] = texts_of(source, column)
    if next(iter(texts), None) is None:
        raise DataError("There is no text here.", where=source, fix="Bring texts, one a line, or a table of them.")
    console.note(f"Reading {source} twice and counting; this may take minutes for millions of texts.")
    learnt = train_wordpiece(texts, size)
    replace_file(out, learnt.to_str(pretty=True))
    console.summary(f"Vocabulary in {out}", {"entries": learnt.get_vocab_size(), "asked for": size})


def shards(
    pairs: Annotated[Path, tyro.conf.Positional],
    out: Path,
    size: int = 1000,
    seed: int = 0,
) -> None:
    """Write pairs as WebDataset tar files, for trainings that read from large disks.

    Example: nonet align shards pairs/ --out shards/

    Args:
        pairs: a folder made by `nonet align pairs`.
        out: the folder to write; the same command goes on with one that was interrupted.
        size: pictures a shard.
        seed: decides which pictures share a shard.
    """
    from nonet.align.data import Pairs
    from nonet.align.shards import write_shards
    from nonet.foundation import console

    counts = write_shards(Pairs.open(pairs), out, size=size, seed=seed)
    console.summary(f"Shards in {out}", {f"{split} pictures": count for split, count in counts.items()})


def deduplicate(
    pairs: Annotated[Path, tyro.conf.Positional],
    against: tuple[Path, ...],
    out: Path,
    near: tyro.conf.OmitArgPrefixes[NearDuplicates] = _NEAR,
    image_encoder: str = "efficientnet-lite0",
    cache: Path | None = None,
) -> None:
    """Remove near-duplicates of evaluation pictures from pairs to train on.

    Example: nonet align deduplicate pairs/ --against flickr30k/ coco/val2017/ --out clean-pairs/

    Copies that were cropped a little, compressed, resized or mirrored are found.

    Args:
        pairs: a folder made by `nonet align pairs`.
        against: pictures that models will be judged by: folders of pictures or of pairs, or lists.
        out: the folder of pairs to write; pictures stay where they are.
        near: what counts as a near-duplicate; the paper's by default.
        image_encoder: what sees the pictures; see `nonet align train`.
        cache: where features are kept; the user's cache by default.
    """
    from nonet.align.deduplicate import without_near_duplicates
    from nonet.align.encoders import image_encoder as encoder_named
    from nonet.align.features import default_cache
    from nonet.foundation import console

    size = _SIDE if image_encoder.startswith("efficientnet") else None  # fine details do not matter here
    encoder = encoder_named(image_encoder, size=size)
    tally, removed = without_near_duplicates(pairs, against, out, encoder, near, cache or default_cache())
    rows = [(f"{one.cosine:.3f}", one.image.name, str(one.evaluated)) for one in removed[:20]]
    if rows:
        console.table(["cosine", "removed", "like"], rows, title=f"{len(removed):,} pictures removed")
    console.summary(f"Pairs in {out}", {"pairs kept": tally.kept, "pictures removed": len(removed)})
