"""Pairs, tables, official sets, prose, editors and their graphs."""

import io
import json
import tarfile
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from nonet.felix import runtime
from nonet.felix.casing import Casing
from nonet.felix.config import EditorConfig, LabelConfig
from nonet.felix.data import Collected, Pair, read_pairs, write_pairs
from nonet.felix.editor import Editor
from nonet.felix.encoders import network, open_encoder, plain_config
from nonet.felix.export import export_editor
from nonet.felix.model import Inserter, new_tagger
from nonet.felix.sources.official import Official, read_official
from nonet.felix.sources.prose import folder_documents
from nonet.felix.sources.tables import read_table
from nonet.felix.tokens import Vocabulary
from nonet.foundation.artifact import Card
from reliability.loaders import Loader

_ROWS = [("They said no .", "They said no."), ("I likes tea.", "I like tea."), ("a b c", "a c")]


def _pairs(folder: Path) -> Path:
    pairs = [Pair(source, (target,)) for source, target in _ROWS * 5]
    write_pairs(folder / "it", Collected("toys", {"train": pairs}), 0)
    return folder / "it"


def _load_pairs(path: Path) -> None:
    for split in ("train", "validation", "test"):
        read_pairs(path, split)


def _table(suffix: str, between: str):
    def make(folder: Path) -> Path:
        (folder / f"it{suffix}").write_text("".join(f"{a}{between}{b}\n" for a, b in [("source", "target"), *_ROWS]))
        return folder / f"it{suffix}"

    return make


def _wikisplit(folder: Path) -> Path:
    (folder / "it").mkdir()
    rows = [f"A long one and another {n} .\tA long one . <::::> Another {n} .\n" for n in range(9)]
    (folder / "it" / "tune.tsv").write_text("".join(rows))
    return folder / "it"


def _disfl_qa(folder: Path) -> Path:
    (folder / "it").mkdir()
    rows = {str(n): {"original": f"What is {n}?", "disfluent": f"Who no what is {n}?"} for n in range(3)}
    for name in ("train", "dev", "test"):
        (folder / "it" / f"{name}.json").write_text(json.dumps(rows))
    return folder / "it"


def _mlqe_pe(folder: Path) -> Path:
    (folder / "it").mkdir()
    for name in ("train", "dev", "test"):
        with tarfile.open(folder / "it" / f"en-de-{name}.tar.gz", "w:gz") as archive:
            for suffix, text in ((".mt", "ein haus\nein baum\n"), (".pe", "ein Haus\nein Baum\n")):
                entry = tarfile.TarInfo(f"en-de/{name}{suffix}")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
    return folder / "it"


def _turkcorpus(folder: Path) -> Path:
    (folder / "it").mkdir()
    for name in ("tune", "test"):
        (folder / "it" / f"{name}.8turkers.tok.norm").write_text("one thing .\ntwo things .\n")
        for turk in "01":
            (folder / "it" / f"{name}.8turkers.tok.turk.{turk}").write_text("a thing .\nthings .\n")
    return folder / "it"


def _official(name: Official):
    return lambda path: read_official(name, path)


def _prose(folder: Path) -> Path:
    (folder / "it").mkdir()
    (folder / "it" / "a.txt").write_text("One paragraph\nof text.\n\nAnother one. It goes on.\n")
    (folder / "it" / "b.md").write_bytes("\ufeffIn UTF-16.\n".encode("utf-16"))
    return folder / "it"


@cache
def _vocabulary() -> Vocabulary:
    """A thousand words, which is as many as an export asks for."""
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "they",
        "said",
        "no",
        "i",
        "like",
        "likes",
        "tea",
        ".",
        "a",
        "b",
        "c",
    ]
    words += [f"word{number}" for number in range(1010 - len(words))]
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(words[:5])
    return Vocabulary(tokenizer)


def _network() -> Any:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    return network({"model_type": "bert", "vocab_size": 1010, "type_vocab_size": 2, **sizes})


def _editor(folder: Path) -> Path:
    config = EditorConfig("felix", LabelConfig(), plain_config(_network().config))
    tagger, inserter = new_tagger(config.labels, config.encoder), Inserter(config.encoder)
    editor = Editor.of(config, _vocabulary(), Casing({"i": "I"}, frozenset({"a"}), True), tagger, inserter)
    editor.save(folder / "it", Card("tiny"))
    return folder / "it"


def _exported(folder: Path) -> Path:
    export_editor(_editor(folder), fp32=True, int8=True)
    return folder / "it"


def _load_editor(backend: Literal["torch", "onnx", "int8"]):
    def load(path: Path) -> None:
        editor = runtime.open_editor(path, backend, threads=1)
        list(editor.edit(["They said no .", "I likes tea."]))

    return load


def _encoder(folder: Path) -> Path:
    _network().save_pretrained(folder / "it")
    _vocabulary().tokenizer.save(str(folder / "it" / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    settings |= {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    (folder / "it" / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder / "it"


LOADERS = [
    Loader("felix/pairs", _pairs, _load_pairs),
    Loader("felix/table-tsv", _table(".tsv", "\t"), read_table),
    Loader("felix/table-csv", _table(".csv", ","), read_table),
    Loader("felix/wikisplit", _wikisplit, _official("wikisplit-split")),
    Loader("felix/disfl-qa", _disfl_qa, _official("disfl-qa")),
    Loader("felix/mlqe-pe", _mlqe_pe, _official("mlqe-pe")),
    Loader("felix/turkcorpus", _turkcorpus, _official("turkcorpus")),
    Loader("felix/prose", _prose, lambda path: list(folder_documents(path))),
    Loader("felix/encoder", _encoder, lambda path: open_encoder(str(path)).build()),
    Loader("felix/editor", _editor, _load_editor("torch")),
    Loader("felix/graphs", _exported, _load_editor("onnx")),
    Loader("felix/graphs-int8", _exported, _load_editor("int8")),
]
