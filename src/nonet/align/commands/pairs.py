"""``nonet align pairs …``: how pictures and words come in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from nonet.align.writing import Tally

__all__ = ["candidates", "pairs_candidates", "pairs_folder", "pairs_openmoji", "pairs_pages"]


def pairs_openmoji(
    out: Path,
    languages: tuple[str, ...] = ("en",),
    size: int = 128,
    flags: Literal["train", "split", "drop"] = "train",
    tones: Literal["all", "none"] = "all",
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
) -> None:
    """Make pairs from the OpenMoji drawings and their names (4,000 drawings, nothing to download).

    Example: nonet align pairs openmoji --out pairs/

    Args:
        out: the folder to write.
        languages: codes of the languages of the names, such as: en de fr.
        size: side of a picture in pixels.
        flags: country flags: kept for training only, split like any drawing, or dropped.
        tones: keep the skin tones of a drawing beside the one without, or leave them out.
        validation: share of the concepts held out for choosing settings.
        test: share of the concepts held out for the final figure.
        seed: another seed gives other splits.
    """
    from nonet.align.sources.openmoji import OpenMojiConfig, make_pairs
    from nonet.align.splits import Shares

    config = OpenMojiConfig(languages, size, flags, tones, Shares(validation, test, seed))
    _show(out, make_pairs(out, config))


def pairs_folder(
    source: Annotated[Path, tyro.conf.Positional],
    out: Path,
    captions: Path | None = None,
    names: bool = False,
    languages: tuple[str, ...] = ("en",),
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
) -> None:
    """Make pairs from a folder, or a .tar or .zip, of pictures and their captions.

    Example: nonet align pairs folder ~/Pictures --captions captions.tsv --out pairs/

    Args:
        source: the folder or archive.
        out: the folder to write; pictures of a folder stay where they are.
        captions: a table (.tsv, .csv, .jsonl) with the columns image and caption, or the official .json or .txt of
            COCO, Flickr8k, Flickr30K or of Karpathy's splits, or the folder data/task1 of Multi30k; without it
            captions.* in the folder, or a .txt beside each picture.
        names: take the file name as the caption of a picture that has none.
        languages: of the captions of Multi30k: en, de, fr, cs.
        validation: share of the pictures held out for choosing settings, unless the table has a column "split".
        test: share of the pictures held out for the final figure, unless the table has a column "split".
        seed: another seed gives other splits.
    """
    from nonet.align.sources.folder import FolderConfig, make_pairs
    from nonet.align.splits import Shares

    config = FolderConfig(captions, names, languages, Shares(validation, test, seed))
    _show(out, make_pairs(source, out, config))


def pairs_pages(
    source: Annotated[str, tyro.conf.Positional],
    out: Path,
    fetch: bool = False,
    max_pages: int = 100,
    delay: float = 0.5,
    allow_private: bool = False,
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
) -> None:
    """Make pairs from the images of web pages and their alt texts.

    Example: nonet align pairs pages https://example.org/ --max-pages 50 --out pairs/

    Args:
        source: a folder of HTML, an HTML file, a WARC file (.warc, .warc.gz), a text file (.txt) with the address of a
            page a line, or the address of a site.
        out: the folder to write.
        fetch: fetch the pictures that pages on disk or in a WARC name on the web; those of a site always are.
        max_pages: how many pages of a site to ask for, breadth first, on its host only.
        delay: seconds between two requests to a host; robots.txt is obeyed and may ask for more.
        allow_private: let requests go to private addresses; the site that you name may be at one anyway.
        validation: share of the pictures held out for choosing settings.
        test: share of the pictures held out for the final figure.
        seed: another seed gives other splits.
    """
    from nonet.align.alttext.fetch import Manners
    from nonet.align.sources.pages import PagesConfig, make_pairs
    from nonet.align.splits import Shares

    config = PagesConfig(fetch, max_pages, allow_private, Manners(delay=delay), Shares(validation, test, seed))
    _show(out, make_pairs(source, out, config))


def candidates(
    source: Annotated[str, tyro.conf.Positional],
    out: Path,
    fetch: bool = False,
    max_pages: int = 100,
    delay: float = 0.5,
    allow_private: bool = False,
) -> None:
    """Collect candidate pairs from web pages, for the paper's data rules.

    Example: nonet align candidates crawl.warc.gz --out candidates/

    Args:
        source: as for `nonet align pairs pages`.
        out: the folder to write: candidates.parquet (image hash, url, alt, width, height, page, language) and images/.
        fetch: fetch the pictures that pages on disk or in a WARC name on the web; those of a site always are.
        max_pages: how many pages of a site to ask for, breadth first, on its host only.
        delay: seconds between two requests to a host; robots.txt is obeyed and may ask for more.
        allow_private: let requests go to private addresses; the site that you name may be at one anyway.
    """
    from nonet.align.alttext.fetch import Manners
    from nonet.align.sources.candidates import make_candidates
    from nonet.align.sources.pages import PagesConfig
    from nonet.foundation import console

    tally = make_candidates(source, out, PagesConfig(fetch, max_pages, allow_private, Manners(delay=delay)))
    facts: dict[str, object] = {"images met": tally.rows, "candidate pairs": tally.kept}
    facts |= tally.reasons()
    console.summary(f"Candidate pairs in {out}", facts)


def pairs_candidates(
    kept: Annotated[Path, tyro.conf.Positional],
    pictures: Path,
    out: Path,
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
) -> None:
    """Make pairs from candidate pairs that the data rules kept.

    Example: nonet align pairs candidates filtered/kept --pictures candidates/ --out pairs/

    Args:
        kept: Parquet written by `nonet align filter`, or a folder of it.
        pictures: the folder that `nonet align candidates` wrote.
        out: the folder to write; pictures stay where they are.
        validation: share of the pictures held out for choosing settings.
        test: share of the pictures held out for the final figure.
        seed: another seed gives other splits.
    """
    from nonet.align.sources.candidates import pairs_of_candidates
    from nonet.align.splits import Shares

    _show(out, pairs_of_candidates(kept, pictures, out, Shares(validation, test, seed)))


def _show(out: Path, tally: Tally) -> None:
    """The summary after each of these commands: rows in, kept, and each reason with its count."""
    from nonet.align.data import describe
    from nonet.foundation import console

    described = describe(out)
    facts = {"rows in": tally.rows, "kept": tally.kept, "pictures": described["pictures"]}
    facts |= {
        split: f"{counts['pairs']:,} texts of {counts['pictures']:,} pictures"
        for split, counts in described["splits"].items()
    }
    facts |= {f"skipped: {name}": reason["count"] for name, reason in described["skipped"].items()}
    facts |= {f"changed: {name}": reason["count"] for name, reason in described["changed"].items()}
    console.summary(f"{described['name']} in {out}", facts)
