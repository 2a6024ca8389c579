"""What the wing's tests share: the vocabulary, a tiny encoder, and an editor trained once on a toy language."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from nonet.felix.config import LabelConfig, LearningConfig
from nonet.felix.data import Collected, Pair, write_pairs
from nonet.felix.encoders import Loaded, minilm_folder, random_encoder
from nonet.felix.tokens import Vocabulary

NAMES = ["Anna", "Boris", "Clara", "David", "Emma", "Felix", "Greta", "Hugo"]
THINGS = ["tea", "cheese", "music", "snow", "books", "the sea", "old maps", "rain"]
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
def tiny() -> Loaded:
    """A BERT of two narrow layers with random weights and MiniLM's vocabulary."""
    torch.manual_seed(0)
    return random_encoder(SIZES)


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    """MiniLM's."""
    return Vocabulary(Tokenizer.from_file(str(minilm_folder() / "tokenizer.json")))


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy pairs on disk."""
    folder = tmp_path_factory.mktemp("felix") / "pairs"
    write_pairs(folder, Collected("toys", {"train": toy_pairs()}), 0)
    return folder


@pytest.fixture(scope="session")
def toy_editor(toy_folder: Path) -> Path:
    """An editor that has learnt the toy language, with graphs for ONNX Runtime."""
    from nonet.felix.export import export_editor
    from nonet.felix.run import Run, execute

    folder = toy_folder.parent / "editor"
    learning = LearningConfig(steps=60, batch_size=16, learning_rate=3e-3, freeze_embeddings=True)
    execute(Run(toy_folder, folder, encoder="small", layers=1, labels=LabelConfig(), learning=learning))
    export_editor(folder, fp32=True, int8=True)
    return folder
