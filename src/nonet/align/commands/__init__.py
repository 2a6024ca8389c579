"""``nonet align …``: the wing on the command line, a module for each group of verbs."""

from nonet.align.commands.classify import finetune, knn, probe, zero_shot
from nonet.align.commands.corpus import deduplicate, shards, vocabulary
from nonet.align.commands.filter import filter_candidates, score
from nonet.align.commands.learn import evaluate, train
from nonet.align.commands.pairs import candidates, pairs_candidates, pairs_folder, pairs_openmoji, pairs_pages
from nonet.align.commands.search import accelerate, index, merge, remove, search
from nonet.align.commands.study import study

__all__ = ["COMMANDS"]

COMMANDS = {
    "pairs": {
        "openmoji": pairs_openmoji,
        "folder": pairs_folder,
        "pages": pairs_pages,
        "candidates": pairs_candidates,
    },
    "candidates": candidates,
    "score": score,
    "filter": filter_candidates,
    "deduplicate": deduplicate,
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
    "study": study,
}
