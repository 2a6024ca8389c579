"""``nonet felix …``: the wing on the command line, a module for each group of verbs."""

from nonet.felix.commands.learn import adapt, evaluate, export, study, train
from nonet.felix.commands.pairs import inspect, pairs_official, pairs_text, pairs_tsv, pairs_wikipedia
from nonet.felix.commands.use import edit

__all__ = ["COMMANDS"]

COMMANDS = {
    "pairs": {
        "wikipedia": pairs_wikipedia,
        "text": pairs_text,
        "tsv": pairs_tsv,
        "official": pairs_official,
    },
    "inspect": inspect,
    "adapt": adapt,
    "train": train,
    "edit": edit,
    "evaluate": evaluate,
    "export": export,
    "study": study,
}
