"""``nonet rendezvous``: teach a team, let it meet, compare planners, drive a robot."""

from nonet.rendezvous.commands.driving import drive, replay
from nonet.rendezvous.commands.meeting import evaluate, methods, run
from nonet.rendezvous.commands.teaching import baseline, study, train

__all__ = ["COMMANDS"]

COMMANDS = {
    "train": train,
    "baseline": baseline,
    "run": run,
    "methods": methods,
    "evaluate": evaluate,
    "drive": drive,
    "replay": replay,
    "study": study,
}
