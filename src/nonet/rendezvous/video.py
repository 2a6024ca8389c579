"""Episodes as films: MP4 by ffmpeg (`imageio-ffmpeg` carries it), GIF by Pillow."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from nonet.foundation.errors import MissingError, UsageError
from nonet.rendezvous.config import LidarConfig
from nonet.rendezvous.episode import Episode

__all__ = ["frames", "write_video"]

_COLOURS = ("#3451b2", "#c2410c", "#1a7f4b", "#8b2fa8", "#8a6d00")
_EVERY = 2


def write_video(path: Path, episode: Episode, lidar: LidarConfig, radius_m: float) -> None:
    """Writes a film, twice as fast as life for .gif, as fast as life for .mp4.

    Args:
        path: ending in .mp4 or .gif.
        episode: what to show.
        lidar: of the robots.
        radius_m: of the robots.
    Raises:
        UsageError: for another ending.
        MissingError: if the library that writes it is not installed.
    """
    if path.suffix not in {".mp4", ".gif"}:
        raise UsageError(f"A film does not end in '{path.suffix}'.", where=path, fix="Name it .mp4 or .gif.")
    try:
        import imageio.v3 as iio
    except ModuleNotFoundError as error:
        raise MissingError("Films need imageio.", fix="Run: pip install 'nonet[rendezvous]'.") from error
    pictures = np.stack(list(frames(episode, lidar, radius_m)))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        if path.suffix == ".gif":
            iio.imwrite(partial, pictures, duration=1000 * episode.step_s, loop=0)
        else:
            with warnings.catch_warnings():
                # jax warns of every fork; this one becomes ffmpeg at once
                warnings.filterwarnings("ignore", message=r"os\.fork\(\) was called", category=RuntimeWarning)
                iio.imwrite(
                    partial, pictures, fps=round(1 / (episode.step_s * _EVERY)), codec="libx264", macro_block_size=2
                )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def frames(episode: Episode, lidar: LidarConfig, radius_m: float) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Pictures of an episode, every second step."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    left, bottom, right, top = episode.map.ground.bounds
    figure = Figure(figsize=(6.4, 6.4 * (top - bottom) / (right - left)), dpi=80)
    canvas, axes = FigureCanvasAgg(figure), figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    axes.axis("off")
    walls = np.reshape(np.array(episode.map.segments), (-1, 2, 2))
    axes.add_collection(LineCollection(list(walls), colors="#16181d", linewidths=1.5))
    for x, y, radius in episode.map.circles:
        axes.add_patch(Circle((x, y), radius, color="#545b69"))
    robots = episode.goals.shape[1]
    colours = [_COLOURS[robot % len(_COLOURS)] for robot in range(robots)]
    scans = [axes.plot([], [], ".", ms=2, color=colour, alpha=0.6)[0] for colour in colours]
    clouds = [axes.plot([], [], "o", ms=4, color=colour, alpha=0.25, mec="none")[0] for colour in colours]
    trails = [axes.plot([], [], "-", lw=1, color=colour, alpha=0.5)[0] for colour in colours]
    goals = [axes.plot([], [], "x", ms=9, mew=2, color=colour)[0] for colour in colours]
    bodies = [Circle((0, 0), radius_m, color=colour) for colour in colours]
    for body in bodies:
        axes.add_patch(body)
    noses = [axes.plot([], [], "-", lw=2, color="white")[0] for _ in colours]
    told = axes.text(0.01, 0.99, "", transform=axes.transAxes, va="top", family="monospace")
    plans = {robot: [m for m in episode.moments if m.robot == robot] for robot in range(robots)}
    for step in range(0, len(episode.goals), _EVERY):
        time = step * episode.step_s
        for robot in range(robots):
            x, y, heading = episode.poses[step, robot]
            bodies[robot].center = (x, y)
            noses[robot].set_data([x, x + radius_m * np.cos(heading)], [y, y + radius_m * np.sin(heading)])
            trails[robot].set_data(episode.poses[: step + 1, robot, 0], episode.poses[: step + 1, robot, 1])
            angles = np.array(lidar.angles) + heading
            reach = episode.scans[step, robot]
            scans[robot].set_data(x + reach * np.cos(angles), y + reach * np.sin(angles))
            goals[robot].set_data(*(episode.goals[step, robot][axis : axis + 1] for axis in range(2)))
            past = [m for m in plans[robot] if m.time_s <= time]
            if past and past[-1].thought.proposals is not None:
                clouds[robot].set_data(*past[-1].thought.proposals.T)
        told.set_text(f"{time:5.1f} s  {episode.about.get('method', '')}")
        canvas.draw()
        picture = np.asarray(canvas.buffer_rgba())[..., :3]
        yield picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2].copy()
