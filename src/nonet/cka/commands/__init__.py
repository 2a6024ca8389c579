"""``nonet cka``: compare layers, find blocks, prune, look at populations, train the article's networks."""

from nonet.cka.commands.compare import blocks, compare
from nonet.cka.commands.networks import errors, family, study
from nonet.cka.commands.populations import evolve, populations
from nonet.cka.commands.prune import probe, prune

__all__ = ["COMMANDS"]

COMMANDS = {
    "compare": compare,
    "blocks": blocks,
    "probe": probe,
    "prune": prune,
    "errors": errors,
    "populations": populations,
    "evolve": evolve,
    "family": family,
    "study": study,
}
