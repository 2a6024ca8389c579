"""``nonet cka``: compare layers, find blocks, prune, train the article's networks."""

from nonet.cka.commands.compare import blocks, compare
from nonet.cka.commands.networks import family

__all__ = ["COMMANDS"]

COMMANDS = {"compare": compare, "blocks": blocks, "family": family}
