"""``nonet felix train``, ``evaluate``, ``adapt``, ``export`` and ``study``: how an editor comes about and is judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from nonet.felix.config import DecodeConfig, LabelConfig, LearningConfig, Method

if TYPE_CHECKING:
    from nonet.felix.evaluate import Judgement

__all__ = ["adapt", "evaluate", "export", "study", "train"]

_LABELS, _LEARNING = LabelConfig(), LearningConfig()
_ADAPTING = LearningConfig(steps=300, learning_rate=5e-4)


def train(
    pairs: Annotated[Path, tyro.conf.Positional],
    out: Path,
    method: Method = "felix",
    encoder: str = "minilm",
    layers: int | None = None,
    limit: int = 0,
    labels: tyro.conf.OmitArgPrefixes[LabelConfig] = _LABELS,
    learning: tyro.conf.OmitArgPrefixes[LearningConfig] = _LEARNING,
) -> None:
    """Teach an editor from pairs.

    Example: nonet felix train pairs/ --out editor/

    Args:
        pairs: a folder made by `nonet felix pairs`.
        out: the folder of the editor to write; the same command goes on with a training that was interrupted.
        method: felix, or to compare with: lasertagger (a tagger of fixed phrases), seq2seq (an encoder-decoder).
        encoder: minilm (from an installed package), small (random weights), a folder, or an id on the model hub.
        layers: how many of the encoder's first layers to use; all by default.
        limit: at most so many pairs; 0 for all.
        labels: the variant and its limits.
        learning: how it learns.
    """
    from nonet.felix.run import Run, execute
    from nonet.foundation import console

    command = console.command_line()
    measured = execute(Run(pairs, out, method, encoder, layers, limit, labels, learning, command))
    if measured is not None:
        _show(measured, "On validation texts")
    console.wrote(out)


def evaluate(
    editor: Annotated[Path, tyro.conf.Positional],
    pairs: Annotated[Path, tyro.conf.Positional],
    split: Literal["train", "validation", "test"] = "test",
    limit: int = 0,
    backend: Literal["torch", "onnx", "int8"] = "torch",
    keep_bias: float | None = None,
    min_edit_probability: float | None = None,
    json: bool = False,
) -> None:
    """Judge an editor on pairs that it has not seen, beside the system that does nothing.

    Example: nonet felix evaluate editor/ pairs/ --split test

    Args:
        editor: a folder made by `nonet felix train`.
        pairs: a folder made by `nonet felix pairs`.
        split: which part; `test` was seen by no training.
        limit: at most so many texts; 0 for all.
        backend: torch, or what `nonet felix export` wrote.
        keep_bias: above 0 edits less, below 0 more.
        min_edit_probability: edits below this probability are not made.
        json: print for other programs.
    """
    from nonet.felix.run import evaluate_editor
    from nonet.felix.runtime import open_editor
    from nonet.foundation import console
    from nonet.foundation.settings import plain

    opened = open_editor(editor, backend)
    decoding = chosen_decoding(opened.config.decoding, keep_bias, min_edit_probability)
    measured = evaluate_editor(opened, pairs, split, decoding, limit)
    if json:
        console.print_json(plain(measured))
    else:
        _show(measured, f"{editor} on {measured.rows:,} texts of {pairs}, {split}")


def adapt(
    out: Path,
    text: Path | None = None,
    encoder: str = "minilm",
    layers: int | None = None,
    learning: tyro.conf.OmitArgPrefixes[LearningConfig] = _ADAPTING,
) -> None:
    """Give an encoder a head that fills masks, or adapt the one it has, on plain text.

    Example: nonet felix adapt --text articles/ --out encoder/

    Args:
        out: the folder of the encoder to write, in the layout of its library; use it with `train --encoder`.
        text: a folder of .txt or .md files; the packaged Wikipedia articles by default.
        encoder: minilm, a folder, or an id on the model hub.
        layers: how many of the encoder's first layers to use; all by default.
        learning: how it learns.
    """
    from nonet.felix.adapt import adapt_encoder
    from nonet.felix.encoders import open_encoder
    from nonet.felix.sources.prose import folder_documents, wikipedia
    from nonet.foundation import console

    documents = wikipedia() if text is None else folder_documents(text)
    found = adapt_encoder(open_encoder(encoder, layers=layers), list(documents), learning, out)
    console.summary(
        f"The encoder is in {out}",
        {
            "perplexity at masks before": found.before,
            "after": found.after,
            "measured on": f"{found.measured:,} masked tokens of documents that were not learnt from",
        },
    )


def export(
    editor: Annotated[Path, tyro.conf.Positional],
    onnx: bool = False,
    int8: bool = False,
) -> None:
    """Write an editor's networks for ONNX Runtime, beside those of torch.

    Example: nonet felix export editor/ --onnx --int8

    Args:
        editor: a folder made by `nonet felix train`.
        onnx: in 32-bit numbers; edits are those of torch.
        int8: in 8-bit numbers: smaller and faster, but many edits become others; judge them with
            `nonet felix evaluate --backend int8`.
    """
    from nonet.felix.export import export_editor
    from nonet.foundation import console
    from nonet.foundation.errors import UsageError

    if not (onnx or int8):
        raise UsageError("There is nothing to write.", fix="Add --onnx, --int8, or both.")
    sizes = export_editor(editor, fp32=onnx, int8=int8)
    console.summary(f"Exported into {editor}", {name: f"{size / 2**20:.1f} MiB" for name, size in sizes.items()})


def study(
    *,
    out: Path,
    scale: Literal["minutes", "hours"] = "minutes",
    seed: int = 0,
    data: Path | None = None,
    json: bool = False,
) -> None:
    """Re-make the article's claims and write report.html and report.json.

    Example: nonet felix study --out study/

    Args:
        out: the folder of the report.
        scale: minutes learns a few dozen steps from a few hundred pairs, hours what the claims are about.
        seed: decides everything random.
        data: a folder of real data sets; this study makes its pairs from packaged text.
        json: print for other programs.
    """
    from dataclasses import replace

    from nonet.felix.study import SCALES
    from nonet.felix.study import study as made
    from nonet.foundation import console

    chosen = SCALES[scale]
    chosen = replace(chosen, learning=replace(chosen.learning, seed=seed))
    made(chosen).publish(out, console.command_line(), as_json=json)


def chosen_decoding(own: DecodeConfig, keep_bias: float | None, least: float | None) -> DecodeConfig:
    """An editor's own way of decoding, but for what was chosen."""
    return DecodeConfig(
        own.keep_bias if keep_bias is None else keep_bias,
        own.min_edit_probability if least is None else least,
        own.beam,
    )


def _show(measured: Judgement, title: str) -> None:
    from nonet.foundation import console

    rows = [(name, str(value), f"{measured.nothing[name].value:.4g}") for name, value in measured.system.items()]
    console.table(["metric", "editor [95 %]", "doing nothing"], rows, title=title)
    console.say(f"returned unchanged: {100 * measured.unchanged:.1f} %")
    if measured.fallbacks:
        console.say(f"kept because something did not fit: {measured.fallbacks:,}")
