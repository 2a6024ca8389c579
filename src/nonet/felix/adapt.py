"""The head that fills masks, for encoders that come without one: learnt on plain text, with its perplexity measured."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from nonet.felix.config import LearningConfig
from nonet.felix.encoders import Loaded
from nonet.felix.examples import Insertion, Insertions
from nonet.felix.model import Inserter
from nonet.felix.sources.prose import Document
from nonet.felix.tokens import Pieces, Vocabulary, windows
from nonet.felix.train import InserterLearner, training_options
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.files import atomic_folder
from nonet.foundation.training import fit

__all__ = ["Adapted", "adapt_encoder", "masked_perplexity"]

_WINDOW = 64  # tokens of an example
_MASKED = 0.15
_HELD_OUT = 10  # one document in so many is measured on
_MOST = 256  # windows that are measured on
_BATCH = 32


@dataclass(frozen=True)
class Adapted:
    """What an adaptation gave.

    Attributes:
        before: perplexity at masks before learning.
        after: and after it.
        measured: how many masks that is measured on.
    """

    before: float
    after: float
    measured: int


def adapt_encoder(encoder: Loaded, documents: Sequence[Document], config: LearningConfig, out: Path) -> Adapted:
    """Trains encoder and head to fill masks, and writes them as a folder that ``transformers`` reads.

    Args:
        encoder: what to begin with.
        documents: plain text; one in ten is not learnt from but measured on.
        config: how to learn.
        out: the folder to write; logs and checkpoints are beside it, in ``.NAME.training``.
    Raises:
        DataError: if there is too little text.
        UsageError: if the encoder is no BERT, whose layout the folder has.
    """
    if encoder.config.get("model_type") != "bert":
        raise UsageError("Only encoders of the BERT family can be adapted.", fix="Choose --encoder minilm.")
    vocabulary = encoder.vocabulary
    learn = _examples([d for n, d in enumerate(documents) if n % _HELD_OUT], vocabulary)
    held = _examples(documents[::_HELD_OUT], vocabulary)[:_MOST]
    if len(learn) < config.batch_size or not held:
        raise DataError(
            f"There are {len(learn)} passages to learn from, fewer than a batch.",
            fix="Bring more text, in two or more files.",
        )
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        inserter = Inserter.start(encoder)
    data = Insertions(learn, vocabulary)
    data.share = _MASKED
    check = _masked_batches(held, vocabulary, config.seed)
    before, _ = masked_perplexity(inserter, check)
    if not encoder.head:
        inserter.head.expect(np.concatenate([np.array(one.ids) for one in learn]))
    fit(
        InserterLearner(inserter),
        data,
        replace(training_options(len(data), config), warmup_steps=min(50, config.steps // 10)),
        folder=out.resolve().parent / f".{out.name}.training",
        collate=data.collate,
        fingerprint=f"{len(learn)} {encoder.config}",
    )
    after, measured = masked_perplexity(inserter, check)
    _write(inserter, encoder, out)
    return Adapted(before, after, measured)


@torch.inference_mode()
def masked_perplexity(inserter: Inserter, batches: Sequence[dict[str, torch.Tensor]]) -> tuple[float, int]:
    """The perplexity of an inserter at masks, and how many there were."""
    inserter.eval()
    device = next(inserter.parameters()).device
    total, count = 0.0, 0
    for batch in batches:
        moved = {name: value.to(device) for name, value in batch.items()}
        scores = inserter(*(moved[name] for name in ("ids", "mask", "segments", "rows", "places")))
        total += float(F.cross_entropy(scores, moved["wanted"], reduction="sum"))
        count += len(moved["wanted"])
    return math.exp(min(total / max(1, count), 700)), count


def _masked_batches(held: Sequence[Insertion], vocabulary: Vocabulary, seed: int) -> list[dict[str, torch.Tensor]]:
    """The same masks whenever it is called with the same seed."""
    data = Insertions(held, vocabulary)
    data.share = _MASKED
    state = np.random.get_state()
    np.random.seed(seed)
    made = [data.collate(held[first : first + _BATCH]) for first in range(0, len(held), _BATCH)]
    np.random.set_state(state)
    return made


def _examples(documents: Sequence[Document], vocabulary: Vocabulary) -> list[Insertion]:
    paragraphs = [text for document in documents for text in document.paragraphs]
    cut = [window for pieces in vocabulary.encode(paragraphs) for window in windows(pieces, _WINDOW)]
    return [_unmasked(window) for window in cut if len(window) > _WINDOW // 4]


def _unmasked(window: Pieces) -> Insertion:
    return Insertion(window.ids, (0,) * len(window), (), ())


def _write(inserter: Inserter, encoder: Loaded, out: Path) -> None:
    tensors = {f"bert.{name}": t for name, t in inserter.encoder.network.state_dict().items()}
    head = "cls.predictions.transform"
    places = {"dense": f"{head}.dense", "norm": f"{head}.LayerNorm"}
    for name, tensor in inserter.head.state_dict().items():
        part, _, leaf = name.partition(".")
        tensors[f"{places[part]}.{leaf}" if leaf else "cls.predictions.bias"] = tensor
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    config = {**encoder.config, "architectures": ["BertForMaskedLM"]}
    vocabulary = encoder.vocabulary
    names = {
        f"{mark}_token": vocabulary.tokenizer.id_to_token(getattr(vocabulary, mark))
        for mark in ("cls", "sep", "mask", "pad")
    }
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]", **names}
    with atomic_folder(out, "tokenizer_config.json") as partial:
        save_file(tensors, partial / "model.safetensors", metadata={"format": "pt"})
        (partial / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (partial / "tokenizer.json").write_text(vocabulary.tokenizer.to_str(), encoding="utf-8")
        (partial / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
