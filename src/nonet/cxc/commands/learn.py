"""``nonet cxc train`` and ``study``: the article's models and its claims."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from nonet.cxc.config import TrainConfig

__all__ = ["study", "train"]


def train(
    pairs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    out: Path,
    image_encoder: str = "efficientnet-lite0",
    text_encoder: str = "minilm",
    exclude: Path | None = None,
    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = TrainConfig(),  # noqa: B008
) -> None:
    """Train a dual encoder on images and captions, on frozen features: DE_I2T, DE_T2T or DE_I2T+T2T.

    Example: nonet cxc train flickr8k/ coco/ --objective i2t+t2t --out model/

    Args:
        pairs: folders or .tar files with pictures and a captions.tsv (columns image, caption), or pairs folders of
            `nonet align pairs`.
        out: the model folder to write.
        image_encoder: the frozen image tower: efficientnet-lite0, or a folder or id of a Hugging Face model.
        text_encoder: the frozen text tower: minilm, or a folder or id.
        exclude: a folder of ratings; images that occur in them are not trained on.
        config: the objective and how it is trained.
    """
    from nonet.cxc.train import train_folder

    train_folder(pairs, out, config, image_encoder=image_encoder, text_encoder=text_encoder, exclude=exclude)


def study(
    *,
    out: Path,
    scale: Literal["minutes", "hours"] = "minutes",
    seed: int = 0,
    data: Path | None = None,
    json: bool = False,
) -> None:
    """Re-make the article's claims, and measure which choice of the protocol moves which figure.

    Example: nonet cxc study --data data/ --out report/

    Args:
        out: a folder for the report.
        scale: minutes trains eighteen small models on mean token vectors; hours trains transformer layers, longer.
        seed: the first of three seeds.
        data: a folder with cxc/ (the rating files and captions_val2017.json), coco-363.tar and flickr8k-800.tar. No
            package carries people's ratings: without the folder every claim is reported as not measured.
        json: print for other programs.
    """
    from nonet.cxc.study import StudyConfig, unmeasured
    from nonet.cxc.study import study as run
    from nonet.foundation import console

    report = unmeasured(scale) if data is None else run(StudyConfig(data=data, work=out, scale=scale, seed=seed))
    report.publish(out, console.command_line(), as_json=json)
