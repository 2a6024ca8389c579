"""``nonet cxc …``: the wing on the command line, a module for each group of verbs."""

from nonet.cxc.commands.judge import evaluate, leaderboard, merge
from nonet.cxc.commands.learn import study, train
from nonet.cxc.commands.rate import raters, ratings, select

__all__ = ["COMMANDS"]

COMMANDS = {
    "evaluate": evaluate,
    "leaderboard": leaderboard,
    "merge": merge,
    "select": select,
    "raters": raters,
    "ratings": ratings,
    "train": train,
    "study": study,
}
