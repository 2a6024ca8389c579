"""The names of the wings: all that the front doors know of them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType

__all__ = ["WINGS", "Wing", "present"]


@dataclass(frozen=True)
class Wing:
    """One system.

    Attributes:
        name: its package below ``nonet`` and its word on the command line.
        summary: what it does for a user, one line.
        served: what ``nonet serve --NAME`` takes, by an example; None where its page needs nothing.
        article: where it comes from: name, authors, year.
        made: the command that makes what is served.
    """

    name: str
    summary: str
    served: str | None
    article: str = ""
    made: str = ""

    def room(self, room: str) -> ModuleType:
        """One of the wing's modules, imported now."""
        return importlib.import_module(f"nonet.{self.name}.{room}")

    def has(self, room: str) -> bool:
        """Whether the wing has that module (found without importing it)."""
        return find_spec(f"nonet.{self.name}") is not None and find_spec(f"nonet.{self.name}.{room}") is not None


WINGS = (
    Wing(
        "align",
        "image-text embeddings from noisy alt text; search pictures by words and pictures",
        "index/",
        "ALIGN, Jia et al. 2021",
        "nonet align index model/ pictures/ --out index/",
    ),
    Wing(
        "cxc",
        "judge any embedding against graded human similarity",
        "to_rate.parquet",
        "Crisscrossed Captions, Parekh et al. 2021",
        "nonet cxc select --images img.npy --captions txt.npy --collection captions.tsv --out to_rate.parquet",
    ),
    Wing(
        "felix",
        "fast text editing by tagging and insertion",
        "editor/",
        "FELIX, Mallinson et al. 2020",
        "nonet felix train pairs/ --out editor/",
    ),
    Wing(
        "cka",
        "which layers of one or two networks compute the same thing",
        "report/",
        "Do Wide and Deep Networks Learn the Same Things?, Nguyen et al. 2021",
        "nonet cka compare resnet.py:make --data images/ --out report/",
    ),
    Wing(
        "gaze",
        "eye tracking with a plain camera",
        "model/",
        "smartphone eye tracking, Valliappan et al. 2020, and mental fatigue, Tseng et al. 2021",
        "nonet gaze train --synthetic --out model/",
    ),
    Wing(
        "recsim",
        "simulated recommender ecosystems",
        "run/",
        "RecSim NG, Mladenov et al. 2021",
        "nonet recsim run ecosystem --out run/",
    ),
    Wing(
        "rendezvous",
        "robots that agree where to meet without talking",
        "team/",
        "HPP, Wang et al. 2020",
        "nonet rendezvous train --out team/",
    ),
    Wing(
        "optim",
        "minimise with L-BFGS and strong Wolfe, with and without constraints",
        None,
        "torch for optimization, Keydana 2021",
    ),
    Wing(
        "eigen",
        "eigenvalues of 2x2 matrices from mean and product",
        None,
        "A quick trick for computing eigenvalues, 3Blue1Brown 2021",
    ),
)


def present(room: str) -> list[Wing]:
    """The wings that have the room ``room``, in the order of the house."""
    return [wing for wing in WINGS if wing.has(room)]
