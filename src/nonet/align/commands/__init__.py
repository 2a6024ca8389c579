"""``nonet align …``: the wing on the command line, a module for each group of verbs."""

from nonet.align.commands.classify import finetune, knn, probe, zero_shot
from nonet.align.commands.corpus import shards, vocabulary
from nonet.align.commands.filter import filter_candidates
from nonet.align.commands.learn import evaluate, train
from nonet.align.commands.pairs import pairs_folder, pairs_openmoji, pairs_pages
from nonet.align.commands.search import accelerate, index, merge, remove, search

__all__ = ["COMMANDS"]

COMMANDS = {
    "pairs": {
        "openmoji": pairs_openmoji,
        "folder": pairs_folder,
        "pages": pairs_pages,
    },
    "filter": filter_candidates,
    "vocabulary": vocabulary,
    "shards": shards,
    "train": train,
    "evaluate": evaluate,
    "zero-shot": zero_shot,
    "knn": knn,
    "probe": probe,
    "finetune": finetune,
    "index": index,
    "search": search,
    "remove": remove,
    "merge": merge,
    "accelerate": accelerate,
}
