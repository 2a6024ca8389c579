"""An encoder-decoder of the same size, in the way of BERT2BERT (Rothe et al. 2020).

Encoder and decoder begin with the weights of the same encoder; the decoder's attention over the source is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nonet.felix.batches import TokenRows, by_length, padded
from nonet.felix.casing import Casing
from nonet.felix.config import DecodeConfig, EditorConfig, LabelConfig, LearningConfig
from nonet.felix.data import Pair
from nonet.felix.editor import KIND, Edited, chunks, put_weights, read_words, words_files
from nonet.felix.encoders import Loaded
from nonet.felix.surface import render
from nonet.felix.tokens import Pieces, Vocabulary, windows
from nonet.felix.train import fingerprint, freeze_words, require_some, training_options
from nonet.foundation import artifact
from nonet.foundation.artifact import Card
from nonet.foundation.errors import UsageError
from nonet.foundation.training import History, fit

__all__ = ["Seq2Seq", "decoder_network", "train_seq2seq"]

_EXTRA = 40  # tokens that a result may be longer than its source


class Seq2Seq:
    """A trained encoder-decoder.

    Args:
        config: what it is.
        vocabulary: its pieces.
        casing: how it writes words; its vocabulary has lost the capitals of the source too.
        network: of the library.
    """

    def __init__(self, config: EditorConfig, vocabulary: Vocabulary, casing: Casing, network: Any) -> None:
        self.config, self.vocabulary, self.casing, self.network = config, vocabulary, casing, network.eval()

    def edit(self, lines: Iterable[str], decoding: DecodeConfig | None = None) -> Iterator[Edited]:
        """Edits texts in order, in bounded memory; it knows no caution, so ``decoding`` is not used."""
        for chunk in chunks(lines):
            parts = [windows(pieces, self.config.labels.max_tokens) for pieces in self.vocabulary.encode(chunk)]
            flat = [window for group in parts for window in group]
            texts = iter(self._texts(flat))
            for line, group in zip(chunk, parts, strict=True):
                yield Edited(line, " ".join(next(texts) for _ in group), (), 1.0, windows=len(group))

    def _texts(self, flat: Sequence[Pieces]) -> list[str]:
        made: dict[int, str] = {}
        for batch in by_length(flat, len, 2048):
            ids = padded([flat[number].ids for number in batch], self.vocabulary.pad)
            written = self.generate(ids, longest=ids.shape[1] + _EXTRA)
            for number, row in zip(batch, written, strict=True):
                made[number] = self._written(flat[number], row)
        return [made[number] for number in range(len(flat))]

    @torch.inference_mode()
    def generate(
        self, ids: Tensor, *, longest: int, beams: int = 1, cache: bool = True, least: int = 0
    ) -> list[list[int]]:
        """Writes token by token.

        Args:
            ids: sources, padded.
            longest: the most tokens of a result.
            beams: results that are followed at once.
            cache: whether the decoder keeps what it computed for former tokens.
            least: the fewest tokens of a result (for timing).
        """
        made = self.network.generate(
            input_ids=ids,
            attention_mask=(ids != self.vocabulary.pad).long(),
            max_new_tokens=longest,
            min_new_tokens=least,
            num_beams=beams,
            use_cache=cache,
            do_sample=False,
        )
        return made.tolist()

    def _written(self, source: Pieces, row: Sequence[int]) -> str:
        marks = {self.vocabulary.cls, self.vocabulary.pad, *self.vocabulary.special}
        stop = row.index(self.vocabulary.sep) if self.vocabulary.sep in row else len(row)
        ids = tuple(number for number in row[:stop] if number not in marks)
        return render(source, [0, ids, len(source) - 1] if ids else [0, len(source) - 1], self.vocabulary, self.casing)

    def save(self, folder: Path, card: Card) -> None:
        """Writes it as an artifact."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        files = words_files(self.vocabulary, self.casing)
        artifact.save(folder, kind=KIND, config=self.config, tensors=tensors, card=card, files=files)

    @classmethod
    def load(cls, loaded: artifact.Artifact, config: EditorConfig) -> Seq2Seq:
        """Builds it from an artifact."""
        vocabulary, casing = read_words(loaded)
        network = put_weights(lambda: decoder_network(config.encoder, vocabulary), "network", loaded)
        return cls(config, vocabulary, casing, network)


def decoder_network(config: Mapping[str, Any], vocabulary: Vocabulary) -> Any:
    """The network with random weights.

    Raises:
        UsageError: if the encoder is of a family without a decoder.
    """
    from transformers import BertConfig, EncoderDecoderConfig, EncoderDecoderModel

    if config.get("model_type") != "bert":
        raise UsageError("The encoder-decoder is made of BERT encoders only.", fix="Choose --encoder minilm.")
    plain = {name: value for name, value in config.items() if name not in {"model_type", "architectures", "dtype"}}
    encoder, decoder = BertConfig(**plain), BertConfig(**{**plain, "is_decoder": True, "add_cross_attention": True})
    both = EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    network = EncoderDecoderModel(config=both)
    for settings in (network.config, network.generation_config):
        settings.decoder_start_token_id = vocabulary.cls
        settings.eos_token_id, settings.pad_token_id = vocabulary.sep, vocabulary.pad
    return network.float()


def train_seq2seq(
    pairs: Sequence[Pair], encoder: Loaded, labels: LabelConfig, config: LearningConfig, *, folder: Path
) -> tuple[Seq2Seq, History]:
    """Trains it with teacher forcing.

    Raises:
        DataError: if every pair is too long.
    """
    vocabulary = encoder.vocabulary
    both = [(pair.source, target) for pair in pairs for target in pair.targets]
    sources = vocabulary.encode([source for source, _ in both])
    targets = vocabulary.encode([target for _, target in both])
    rows = [
        (source.ids, target.ids)
        for source, target in zip(sources, targets, strict=True)
        if max(len(source), len(target)) <= labels.max_tokens
    ]
    require_some(rows, {"a text is too long": len(both)})
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        network = decoder_network(encoder.config, vocabulary)
    if encoder.weights:
        for half in (network.encoder, network.decoder.bert):
            half.load_state_dict(encoder.weights, strict=False)
    for half in (network.encoder, network.decoder):
        freeze_words(half, config)
    options = training_options(len(rows), config)
    history = fit(
        _Learner(network, vocabulary.pad),
        TokenRows(rows, [max(map(len, row)) for row in rows], options.batch_size),
        options,
        folder=folder / "seq2seq",
        collate=lambda chosen: _collate(chosen, vocabulary.pad),
        fingerprint=fingerprint(pairs, encoder, labels),
    )
    casing = Casing.learn(target for _, target in both)
    return Seq2Seq(EditorConfig("seq2seq", labels, encoder.config), vocabulary, casing, network), history


class _Learner(nn.Module):
    def __init__(self, network: Any, padding: int) -> None:
        super().__init__()
        self.network, self.padding = network, padding

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        ids, targets = batch["ids"], batch["targets"]
        scores = self.network(
            input_ids=ids,
            attention_mask=(ids != self.padding).long(),
            decoder_input_ids=targets[:, :-1],
            decoder_attention_mask=(targets[:, :-1] != self.padding).long(),
        ).logits
        wanted = targets[:, 1:]
        return F.cross_entropy(scores.transpose(1, 2), wanted, ignore_index=self.padding)


def _collate(chosen: Sequence[tuple[Sequence[int], Sequence[int]]], padding: int) -> dict[str, Tensor]:
    return {
        "ids": padded([source for source, _ in chosen], padding),
        "targets": padded([target for _, target in chosen], padding),
    }
