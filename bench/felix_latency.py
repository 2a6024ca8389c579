"""What an edit costs on one thread: FELIX on torch, ONNX Runtime and 8-bit numbers, against an encoder-decoder.

Encoder and decoder have the same layers. Texts are pairs of WikiSplit where NONET_DATA is set, else made by rules;
lengths and edits are those of the data. All systems take turns within a round; figures are medians of CPU time. Beside
them stands what the matrix products alone would cost at the rate of this processor, in 32-bit numbers.

    python bench/felix_latency.py [--layers N] [--texts N] [--rounds N] [--longest TOKENS]
    python bench/felix_latency.py --parity EDITOR --texts 2000

The second form compares the edits of an exported editor of fusions: torch against ONNX Runtime.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch
from record import Row, record

from nonet.felix.data import Pair
from nonet.felix.encoders import open_encoder
from nonet.felix.latency import gemm_rate, limit_ms, race, systems
from nonet.felix.rules.config import RuleConfig
from nonet.felix.rules.pairs import rule_pairs
from nonet.felix.runtime import open_editor
from nonet.felix.sari import easse_tokens, sari_t2t_sentence
from nonet.felix.sources.official import read_official
from nonet.felix.sources.prose import wikipedia
from nonet.felix.trials import short

ARTICLE = "decoder, beam 4, no cache"
WANTED = {ARTICLE: 90, "decoder, beam 4, cache": 30, "decoder, greedy, cache": 10}


def read() -> list[Pair]:
    if "NONET_DATA" in os.environ:
        parts = read_official("wikisplit-fuse", Path(os.environ["NONET_DATA"]) / "felix" / "wikisplit").pairs
        return [pair for split in ("test", "train") for pair in parts[split]]
    rules = RuleConfig(documents=10)
    return list(rule_pairs("rules", list(wikipedia()), rules).pairs["train"])


def speed(options: argparse.Namespace) -> None:
    encoder = open_encoder("minilm", layers=options.layers)
    pairs = short(read(), encoder.vocabulary, options.longest)[: options.texts]
    tokens = statistics.mean(len(pieces) for pieces in encoder.vocabulary.encode([p.targets[0] for p in pairs]))
    print(
        f"{options.layers} layers of MiniLM, one thread, {len(pairs)} texts, targets of {tokens:.0f} tokens on average"
    )
    rate = gemm_rate()
    print(f"matrix products: {rate / 1e9:.0f} GFLOP/s")
    kept = []
    with tempfile.TemporaryDirectory() as folder:
        made = systems(encoder, pairs, Path(folder) / "editor")
        for batch, count in ((1, options.single), (32, options.texts)):
            chosen = pairs[:count]
            took = {n: statistics.median(v) for n, v in race(made, chosen, batch, options.rounds).items()}
            best = min((name for name in took if name not in WANTED), key=lambda name: took[name])
            floor = limit_ms(made["torch"], chosen, batch, rate)
            print(f"\n{min(batch, count)} at once: CPU ms a text; products alone {floor:.1f} ms; best back-end: {best}")
            # 8-bit numbers edit otherwise, so what is kept first is the fastest of those whose edits are torch's
            exact = min(
                (name for name in took if name not in WANTED and "int8" not in name), key=lambda name: took[name]
            )
            products = (floor, "the products in 32 bits alone", "less")
            for name in dict.fromkeys((exact, best)):
                what = f"an edit, {min(batch, count)} at once, {name}"
                kept += [Row(what, "CPU-ms", took[name], peer, took[peer], *products) for peer in WANTED]
            for name, value in took.items():
                ratios = f"{value / took['torch']:6.1f} × torch {value / took[best]:6.1f} × best"
                wanted = (
                    f"   (aim {WANTED[name]})" if name in WANTED else f"   {floor / value:.2f} of the limit's speed"
                )
                print(f"  {name:28}{value:9.1f} ms {ratios}{wanted}", flush=True)
    record("felix_latency", "felix", kept)


def parity(options: argparse.Namespace) -> None:
    pairs = read()[: options.texts]
    texts, cut = [pair.source for pair in pairs], easse_tokens()
    told: list[str] = []
    for backend in ("torch", "onnx", "int8"):
        editor = open_editor(options.parity, backend, threads=1)
        start = time.process_time()
        made = [one.text for one in editor.edit(texts)]
        took = 1000 * (time.process_time() - start) / len(texts)
        if not told:
            told = made
            changed = sum(a != b for a, b in zip(made, texts, strict=True))
            print(f"{len(texts):,} texts, of which torch changes {changed:,}")
        equal = 100 * statistics.mean(a == b for a, b in zip(told, made, strict=True))
        sari = statistics.mean(
            sari_t2t_sentence(cut(pair.source), cut(text), [cut(target) for target in pair.targets]).score
            for pair, text in zip(pairs, made, strict=True)
        )
        print(f"{backend:6}{equal:7.2f} % of the texts as torch has them, SARI {sari:.2f}, {took:.1f} CPU ms a text")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--texts", type=int, default=32)
    parser.add_argument("--single", type=int, default=6, help="texts that are edited one by one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--longest", type=int, default=40)
    parser.add_argument("--parity", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.parity:
        parity(options)
    else:
        speed(options)


if __name__ == "__main__":
    main()
