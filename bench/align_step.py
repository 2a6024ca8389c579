"""Pairs per CPU-second of a training step: our dual encoder against `AlignModel` of transformers, same configuration.

EfficientNet-B0 and a BERT of 4 layers and 256 units, 96 pixels, 32 pairs, one thread, float32. Both sides start from
the same weights, take turns in one process, and make a whole step: forward, loss, backward, AdamW. Their gradients are
compared first. The peer is used as its documentation shows it; a second peer row gives it channels-last memory.

    python bench/align_step.py [--rounds 8] [--layers 4] [--threads 1]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from record import Row, record
from torch import Tensor, nn
from transformers import AlignConfig, AlignModel, AlignTextConfig, AlignVisionConfig, BertConfig, BertModel

from nonet.align.config import HeadConfig
from nonet.align.encoders import (
    EfficientNetConfig,
    EfficientNetEncoder,
    Preparation,
    Tokens,
    TransformerTextEncoder,
    train_wordpiece,
)
from nonet.align.loss import contrastive_loss
from nonet.align.model import DualEncoder
from nonet.foundation import console

PAIRS, SIDE, WORDS, WIDTH = 32, 96, 24, 320


@dataclass(frozen=True)
class Batch:
    """Random pictures and texts: the time of a step does not depend on what they show."""

    pixels: Tensor
    ids: Tensor
    mask: Tensor


def make_batch() -> Batch:
    torch.manual_seed(0)
    ids = torch.randint(5, 30522, (PAIRS, WORDS))
    return Batch(torch.randn(PAIRS, 3, SIDE, SIDE), ids, torch.ones(PAIRS, WORDS, dtype=torch.bool))


def bert_shape(layers: int) -> dict[str, float]:
    return {
        "hidden_size": 256,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "intermediate_size": 1024,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }


def make_peer(layers: int) -> AlignModel:
    torch.manual_seed(0)
    text = AlignTextConfig(**bert_shape(layers))
    vision = AlignVisionConfig(
        width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280, image_size=SIDE, drop_connect_rate=0.0
    )
    config = AlignConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=WIDTH)
    return AlignModel(config).train()


def make_ours(peer: AlignModel, layers: int) -> DualEncoder:
    """Our model with the peer's weights; both list an EfficientNet's parameters in the order of the network."""
    image = EfficientNetEncoder(EfficientNetConfig(), Preparation(SIDE, SIDE))
    config = BertConfig(**bert_shape(layers), max_position_embeddings=512)
    words = TransformerTextEncoder(BertModel(config), train_wordpiece(["a"], 10), "cls")
    model = DualEncoder(image, words, HeadConfig(WIDTH, image_projection="none", text_projection="linear"))
    with torch.no_grad():
        for mine, theirs in zip(model.image_encoder.parameters(), peer.vision_model.parameters(), strict=True):
            mine.copy_(theirs.reshape(mine.shape))
        words.network.load_state_dict(peer.text_model.state_dict(), strict=False)  # the peer's pooler serves no loss
        model.heads.text.load_state_dict(peer.text_projection.state_dict())
        model.heads.log_temperature.zero_()  # the peer starts at 1
    return model.train()


def our_loss(model: DualEncoder, batch: Batch) -> Tensor:
    embedded = model(batch.pixels, Tokens(batch.ids, batch.mask))
    return contrastive_loss(*embedded, model.heads.temperature)


def peer_loss(model: AlignModel, batch: Batch) -> Tensor:
    return model(
        input_ids=batch.ids, pixel_values=batch.pixels, attention_mask=batch.mask.long(), return_loss=True
    ).loss


def gradient_gap(ours: DualEncoder, peer: AlignModel, batch: Batch) -> float:
    """Largest relative difference of the towers' gradients; the peer halves the loss, so it counts double."""
    our_loss(ours, batch).backward()
    (2 * peer_loss(peer, batch)).backward()
    theirs = [p.grad for p in peer.vision_model.parameters()] + [peer.text_projection.weight.grad]
    mine = [p.grad for p in ours.image_encoder.parameters()] + [ours.heads.text.weight.grad]
    top = max(float(g.abs().max()) for g in theirs if g is not None)
    gaps = [float((a - b.reshape(a.shape)).abs().max()) for a, b in zip(mine, theirs, strict=True)]
    ours.zero_grad()
    peer.zero_grad()
    return max(gaps) / top


def stepper(model: nn.Module, loss: Callable[[], Tensor], **options: bool) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, **options)

    def step() -> None:
        loss().backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def training_flops(model: DualEncoder, batch: Batch) -> float:
    """FLOPs of the convolutions and matrix products of a step; the backward pass counts twice the forward."""
    total = 0

    def count(layer: nn.Conv2d | nn.Linear, _: tuple, output: Tensor) -> None:
        nonlocal total
        total += 2 * output.numel() * layer.weight[0].numel()

    layers = [layer for layer in model.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    our_loss(model, batch)
    for hook in hooks:
        hook.remove()
    return 3 * total


def gemm_rate() -> float:
    """Multiply-adds of a large float32 matrix product, in FLOP per CPU-second."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    rates = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(4):
            a @ b
        rates.append(4 * 2 * 1024**3 / (time.process_time() - start))
    return max(rates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    batch = make_batch()
    peer, peer_last = make_peer(options.layers), make_peer(options.layers).to(memory_format=torch.channels_last)
    ours = make_ours(peer, options.layers)
    gap = gradient_gap(ours, peer, batch)
    flops = training_flops(ours, batch)
    last = Batch(batch.pixels.contiguous(memory_format=torch.channels_last), batch.ids, batch.mask)
    steps = {
        "ours": stepper(ours, lambda: our_loss(ours, batch), fused=True),
        "AlignModel": stepper(peer, lambda: peer_loss(peer, batch)),
        "AlignModel, channels-last, fused AdamW": stepper(peer_last, lambda: peer_loss(peer_last, last), fused=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    rates = []
    for turn in range(options.rounds + 1):
        rates.append(gemm_rate())
        for name, step in steps.items():
            start = time.process_time()
            step()
            if turn:  # the first turn warms up
                seconds[name].append(time.process_time() - start)
    limit = PAIRS / (flops / max(rates))
    pace = {name: PAIRS / statistics.median(times) for name, times in seconds.items()}
    rows = [[name, rate, pace["ours"] / rate, rate / limit] for name, rate in pace.items()]
    rows.append(["limit: all FLOPs at the rate of a matrix product", limit, pace["ours"] / limit, 1.0])
    columns = ["step", "pairs per CPU-second", "ours over it", "share of the limit"]
    console.table(columns, rows, title="Contrastive training step, EfficientNet-B0 + BERT, 96 px")
    kept = [
        Row(
            "contrastive training step, EfficientNet-B0 + BERT, 96 px, 32 pairs", "pairs per CPU-second", pace["ours"],
            name, rate, limit, "all FLOPs at the rate of a matrix product",
        )
        for name, rate in pace.items()
        if name != "ours"
    ]  # fmt: skip
    record("align_step", "align", kept)
    console.summary(
        "Conditions",
        {
            "largest difference of gradients, relative": gap,
            "GFLOP per pair and step": flops / PAIRS / 1e9,
            "GEMM GFLOP per CPU-second": max(rates) / 1e9,
            "threads": options.threads,
            "rounds": options.rounds,
        },
    )


if __name__ == "__main__":
    main()
