"""Speeds of the gaze wing: rendering, the network, the camera's path, a calibration; CPU time of one thread.

Run: python bench/gaze.py. Each line gives the figure, and beside it what the job demands. The limit of two processes
is twice what one core renders.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from record import Row, record

from nonet.foundation.engine import Engine, map_shards
from nonet.gaze.camera.reader import FaceReader
from nonet.gaze.config import PRESETS
from nonet.gaze.model import GazeNet
from nonet.gaze.personal import Calibration, choose
from nonet.gaze.synthetic.dataset import free_pictures
from nonet.gaze.synthetic.people import draw_people


def cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    """CPU time of one call, the least of three rounds."""
    work()
    rounds = []
    for _ in range(3):
        start = time.process_time()
        for _ in range(repeats):
            work()
        rounds.append((time.process_time() - start) / repeats)
    return min(rounds)


def rendering() -> float:
    """Pairs of crops of 64 px a second."""
    people = draw_people(8, 0)
    return 64 / cpu_seconds(lambda: free_pictures(people, 8, device="phone", pixels=64, seed=0), 1)


def rendering_in_two() -> float:
    """Pairs a second of two processes side by side, as training renders: what each renders a CPU second, added."""
    rates = list(map_shards(_rendering_of, range(4), Engine(workers=2)))
    return 2 * float(np.median(rates))


def _rendering_of(seed: int) -> float:
    """Pairs a CPU second of one process."""
    torch.set_num_threads(1)
    people = draw_people(10, seed)
    free_pictures(people, 1, device="phone", pixels=64, seed=seed)
    start = time.process_time()
    count = len(free_pictures(people, 16, device="phone", pixels=64, seed=seed))
    return count / (time.process_time() - start)


def layouts(preset: str) -> tuple[float, float]:
    """Pairs a second through the network in training, channels last and channels first, in turn."""
    config = PRESETS[preset]
    net = GazeNet(config).train()
    crops, corners = torch.randn(64, 3, config.pixels, config.pixels), torch.rand(32, 8)

    def step(layout: torch.memory_format) -> None:
        towers = net.tower(crops.contiguous(memory_format=layout)).flatten(1)
        seen = torch.cat([*towers.chunk(2), net.corners(corners)], dim=1)
        net.out(net.head(seen)).square().mean().backward()

    last, first = (
        cpu_seconds(lambda layout=layout: step(layout), 2) for layout in (torch.channels_last, torch.contiguous_format)
    )
    return 32 / last, 32 / first


def camera() -> float | None:
    """Frames of 640 × 480 a second through face, mesh, iris and crops; None without the test photograph."""
    try:
        from skimage.data import astronaut
    except ModuleNotFoundError:
        return None
    frame = Image.fromarray(astronaut()).crop((120, 0, 360, 180)).resize((640, 480))
    reader = FaceReader(64)
    return 1 / cpu_seconds(lambda: reader.read(frame), 30)


def calibration() -> float:
    """Seconds to choose and fit with 30 dots of 30 frames."""
    rng = np.random.default_rng(0)
    dot = np.arange(30).repeat(30)
    target = rng.uniform([-3, -13], [3, -1], (30, 2))[dot]
    base = 0.8 * target + rng.normal(0, 0.3, target.shape)
    features = np.maximum(0, base @ rng.normal(0, 1, (2, 4)) + 5)
    return cpu_seconds(lambda: choose(Calibration(base, features, target, dot)), 1)


def main() -> None:
    torch.set_num_threads(1)
    one, kept = rendering(), []
    print(f"rendering, one process  {one:8.0f} pairs/s")
    two = rendering_in_two()
    print(f"rendering, two          {two:8.0f} pairs/s   of {2 * one:.0f} at most; 400 are asked for")
    for preset in PRESETS:
        last, first = layouts(preset)
        kept.append(Row(f"training, {preset}", "pairs per CPU-second", last, "channels first", first))
        print(f"training, {preset:13} {last:8.0f} pairs/s   {last / first:.2f} times channels first")
    twice = (2 * one, "twice what one process renders")
    kept.append(Row("rendering pairs of 64 px by two processes", "pairs a second", two, "one process", one, *twice))
    frames = camera()
    if frames is not None:
        print(f"camera's path           {frames:8.0f} frames/s  {frames / 30:.1f} times a camera's 30")
        kept.append(
            Row("camera's path, 640 × 480", "frames per CPU-second", frames, limit=30, limit_is="a camera's rate")
        )
    fitted = 1000 * calibration()
    print(f"calibration             {fitted:8.0f} ms        (200 ms are asked for)")
    kept.append(Row("choosing and fitting a calibration, 30 dots × 30 frames", "CPU-ms", fitted, better="less"))
    record("gaze", "gaze", kept)


if __name__ == "__main__":
    main()
