"""The official library's own environment: made once, in the user's cache.

    python bench/recsim_environment.py

recsim-ng 0.1.2 was left in 2022 and needs the TensorFlow of its time. Two of its lines do not run with the versions
that can still be installed; they are mended here (a shape given as tensors, and a function that JAX removed).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from nonet.foundation.packaged import cache_folder

PINS = (
    "recsim-ng==0.1.2",
    "tensorflow==2.15.1",
    "tensorflow-probability==0.23.0",
    "scipy==1.10.1",
    "chex==0.1.86",
    "jax==0.4.34",
    "jaxlib==0.4.34",
)
PATCHES = {
    "entities/state_models/dynamic.py": (
        "output_shape = scale_linear_op.shape_tensor()[:-1]",
        "output_shape = tuple(int(s) for s in scale_linear_op.shape_tensor()[:-1])",
    ),
    "lib/jax/runtime.py": ("jax.tree_multimap", "jax.tree_util.tree_map"),
}


def peer_python() -> Path:
    """The environment's Python; the environment is made if it is not there."""
    folder = cache_folder() / "recsim-ng"
    python, finished = folder / "bin" / "python", folder / "finished"
    if not finished.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PINS], check=True)
        package = next(folder.glob("lib/*/site-packages/recsim_ng"))
        for name, (old, new) in PATCHES.items():
            path = package / name
            path.write_text(path.read_text().replace(old, new))
        finished.touch()
    return python


if __name__ == "__main__":
    print(peer_python())
