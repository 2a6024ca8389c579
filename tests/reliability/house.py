"""A tiny folder for each wing's page, so that the whole application can be opened in a moment."""

import json
from pathlib import Path

from align.fakes import COLOURS, paint
from align.tiny import tiny
from nonet.align.indexing import open_or_create, update
from nonet.align.listing import list_pictures
from nonet.foundation.artifact import Card
from reliability.loaders import loaders_of

__all__ = ["SERVED", "furnish"]

SERVED = {
    "cxc": "cxc/study",
    "felix": "felix/editor",
    "cka": "cka/report",
    "gaze": "gaze/study",
    "recsim": "recsim/run",
    "rendezvous": "rendezvous/team",
}


def furnish(folder: Path) -> dict[str, Path]:
    """Makes the folders and returns what ``nonet serve`` is given, by wing."""
    sources = {"align": _index(folder / "align")}
    for wing, name in SERVED.items():
        home = folder / wing
        home.mkdir(parents=True)
        sources[wing] = loaders_of(wing)[name].make(home)
    sources["cxc"] = sources["cxc"] / "to_rate.parquet"
    study = sources["gaze"] / "study.json"
    told = {**json.loads(study.read_text()), "store": str(folder / "gaze-store")}
    study.write_text(json.dumps(told))
    return sources


def _index(folder: Path) -> Path:
    model = tiny()
    model.save(folder / "model", Card("tiny"))
    lines = []
    for colour in COLOURS:
        paint(folder / "photos" / f"{colour}.png", colour)
        lines.append(f"photos/{colour}.png\t{colour} thing")
    (folder / "list.txt").write_text("\n".join(lines))
    index = open_or_create(folder / "index", model, folder / "model")
    update(index, model, list_pictures(folder / "list.txt"))
    return folder / "index"
