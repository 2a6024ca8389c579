"""What the wing's tests share: the vocabulary, a tiny encoder, and an editor trained once on a toy language."""

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from nonet.felix.config import LabelConfig, LearningConfig
from nonet.felix.data import Collected, Pair, write_pairs
from nonet.felix.encoders import Loaded, network, random_encoder
from nonet.felix.tokens import Vocabulary
from nonet.foundation.hub import minilm_folder

NAMES = ["Anna", "Boris", "Clara", "David", "Emma", "Felix", "Greta", "Hugo"]
THINGS = ["tea", "cheese", "music", "snow", "books", "the sea", "old maps", "rain"]
PIECES = 3000  # of MiniLM's vocabulary: marks, letters and the most frequent words
SIZES = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}


def toy_pairs() -> list[Pair]:
    """A sentence that goes on with "They" joins the one before it; one about somebody else stays."""
    pairs = []
    for place, name in enumerate(NAMES):
        for first in THINGS:
            for second in THINGS[place % 3 :: 3]:
                if first != second:
                    source = f"{name} likes {first}. They like {second}."
                    pairs.append(Pair(source, (f"{name} likes {first} and {second}.",)))
                    other = NAMES[(place + 1) % len(NAMES)]
                    kept = f"{name} likes {first}. {other} likes {second}."
                    pairs.append(Pair(kept, (kept,)))
    return pairs


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    """MiniLM's."""
    return Vocabulary(Tokenizer.from_file(str(minilm_folder() / "tokenizer.json")))


@pytest.fixture(scope="session")
def tiny(vocabulary: Vocabulary) -> Loaded:
    """A BERT of two narrow layers with random weights and a tenth of MiniLM's vocabulary, so that it learns fast."""
    described = json.loads(vocabulary.tokenizer.to_str())
    ranked = sorted(described["model"]["vocab"].items(), key=lambda item: item[1])
    needed = {word.lower() for text in (*NAMES, *THINGS) for word in text.split()}
    letters = {piece for piece, _ in ranked if len(piece) == len("##x") and piece.startswith("##")}
    kept = [piece for piece, rank in ranked if rank < PIECES or piece in needed | letters]
    described["model"]["vocab"] = {piece: number for number, piece in enumerate(kept)}
    torch.manual_seed(0)
    return random_encoder(SIZES, Vocabulary(Tokenizer.from_str(json.dumps(described))))


@pytest.fixture(scope="session")
def tiny_folder(tiny: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It on disk, as its library writes it."""
    folder = tmp_path_factory.mktemp("encoders") / "tiny"
    torch.manual_seed(0)
    network(tiny.config).save_pretrained(folder)
    (folder / "tokenizer.json").write_text(tiny.vocabulary.tokenizer.to_str(), "utf-8")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "mask_token": "[MASK]", "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy pairs on disk."""
    folder = tmp_path_factory.mktemp("felix") / "pairs"
    write_pairs(folder, Collected("toys", {"train": toy_pairs()}), 0)
    return folder


@pytest.fixture(scope="session")
def toy_editor(toy_folder: Path, tiny_folder: Path) -> Path:
    """An editor that has learnt the toy language, with graphs for ONNX Runtime."""
    from nonet.felix.export import export_editor
    from nonet.felix.run import Run, execute

    folder = toy_folder.parent / "editor"
    learning = LearningConfig(steps=60, batch_size=16, learning_rate=3e-3)
    execute(Run(toy_folder, folder, encoder=str(tiny_folder), layers=1, labels=LabelConfig(), learning=learning))
    export_editor(folder, fp32=True, int8=True)
    return folder
