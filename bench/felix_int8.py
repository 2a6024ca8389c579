"""Ways to put an exported editor into 8-bit numbers: how many edits stay those of torch, and what an edit costs then.

Each way quantises the graphs that `nonet felix export EDITOR --onnx` wrote. Texts are sources of WikiSplit (fusion).

    python bench/felix_int8.py EDITOR [--texts N] [--ways …]
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from nonet.felix.editor import Editor
from nonet.felix.export import GRAPHS
from nonet.felix.runtime import OnnxBackend, open_editor
from nonet.felix.sources.official import read_official

DOWN = ("layer.0/output/dense", "layer.1/output/dense", "narrow")  # where the outputs of GELU go in
CALIBRATION = 64  # texts
Way = Callable[[str, Path, Path], object]  # a graph's name, where it is, where it goes


class Recorded(OnnxBackend):
    """A back-end that remembers what its graphs were given."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, threads=1)
        self.given: dict[str, list[dict]] = {name: [] for name in GRAPHS}

    def tag(self, ids, mask):
        self.given["tagger"].append({"ids": ids, "mask": mask})
        return super().tag(ids, mask)

    def point(self, states, tags, mask):
        self.given["pointer"].append({"states": states, "tags": tags, "mask": mask})
        return super().point(states, tags, mask)

    def fill(self, ids, mask, segments, rows, places):
        names = ("ids", "mask", "segments", "rows", "places")
        self.given["inserter"].append(dict(zip(names, (ids, mask, segments, rows, places), strict=True)))
        return super().fill(ids, mask, segments, rows, places)


class Rows(CalibrationDataReader):
    """What a graph was given, one after the other."""

    def __init__(self, rows: list[dict]) -> None:
        self.rows: Iterator[dict] = iter(rows)

    def get_next(self):
        return next(self.rows, None)


def dynamic(
    weights: QuantType = QuantType.QInt8,
    *,
    seven: bool = False,
    products: bool = True,
    whole: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> Way:
    """Ranges of activations as they come.

    Args:
        weights: their type, per channel.
        seven: seven bits for weights, which cannot overflow on processors without VNNI.
        products: matrix products alone, not embeddings.
        whole: graphs that stay in 32 bits.
        without: parts of names of products that do.
    """

    def way(name: str, before: Path, after: Path) -> None:
        if name in whole:
            shutil.copy(before, after)
            return
        nodes = [node.name for node in onnx.load(before).graph.node if any(part in node.name for part in without)]
        only = {"op_types_to_quantize": ["MatMul"]} if products else {}
        quantize_dynamic(
            before, after, weight_type=weights, per_channel=True, reduce_range=seven, nodes_to_exclude=nodes, **only
        )

    return way


def static(given: dict[str, list[dict]]) -> Way:
    """Ranges of activations from sentences."""

    def way(name: str, before: Path, after: Path) -> None:
        quantize_static(
            before,
            after,
            Rows(given[name]),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )

    return way


def weights_alone(name: str, before: Path, after: Path) -> None:
    """Weights in blocks of 32, products in 32 bits; needs the package onnx-ir."""
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

    config = DefaultWeightOnlyQuantConfig(block_size=32, is_symmetric=True, accuracy_level=0, bits=8)
    made = MatMulNBitsQuantizer(onnx.load(before), algo_config=config)
    made.process()
    onnx.save(made.model.model, after)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("editor", type=Path)
    parser.add_argument("--texts", type=int, default=300, help="at most 1000")
    parser.add_argument("--ways", nargs="+")
    options = parser.parse_args()
    if "NONET_DATA" not in os.environ:
        print("No texts: set NONET_DATA. Skipped.")
        return
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    parts = read_official("wikisplit-fuse", Path(os.environ["NONET_DATA"]) / "felix" / "wikisplit").pairs
    rows = [pair.source for split in ("test", "train") for pair in parts[split]]
    texts, calibration = rows[2000 : 2000 + options.texts], rows[3000 : 3000 + CALIBRATION]
    editor = open_editor(options.editor)
    if not isinstance(editor, Editor):
        sys.exit("This is no editor of FELIX.")
    told = [one.text for one in editor.edit(texts)]
    recorded = Recorded(options.editor / "onnx")
    seen = Editor(editor.config, editor.vocabulary, editor.casing, recorded)
    for text in calibration:  # one by one: nothing is padded
        list(seen.edit([text]))
    ways: dict[str, Way] = {
        "32 bits": dynamic(whole=GRAPHS),
        "as exported": dynamic(products=False),
        "weights of seven bits": dynamic(products=False, seven=True),
        "unsigned weights": dynamic(QuantType.QUInt8, products=False),
        "products alone": dynamic(QuantType.QUInt8),
        "products alone, seven bits": dynamic(seven=True),
        "the same, pointer in 32 bits": dynamic(seven=True, whole=("pointer",)),
        "the same, tagger in 32 bits": dynamic(seven=True, whole=("tagger",)),
        "the same, inputs from GELU too": dynamic(seven=True, without=DOWN),
        "static ranges": static(recorded.given),
        "weights alone": weights_alone,
    }
    for name in options.ways or ways:
        with tempfile.TemporaryDirectory() as folder:
            try:
                for graph in GRAPHS:
                    ways[name](graph, options.editor / "onnx" / f"{graph}.onnx", Path(folder) / f"{graph}.onnx")
            except ModuleNotFoundError as error:
                print(f"{name:30} skipped: {error}")
                continue
            size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20
            backend = OnnxBackend(Path(folder), threads=1)
            made = Editor(editor.config, editor.vocabulary, editor.casing, backend)
            list(made.edit(texts[:4]))
            start = time.process_time()
            edited = [one.text for one in made.edit(texts)]
            took = 1000 * (time.process_time() - start) / len(texts)
            equal = 100 * statistics.mean(a == b for a, b in zip(told, edited, strict=True))
            print(f"{name:30}{equal:6.1f} % as torch {took:7.1f} CPU ms a text {size:7.1f} MiB", flush=True)


if __name__ == "__main__":
    main()
