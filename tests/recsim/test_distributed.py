"""One population over two processes that talk to each other: the same bytes as one process."""

import os
import socket
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # starts processes

SCRIPT = """
import hashlib, sys
import jax
import numpy as np

rank, count, port = (int(word) for word in sys.argv[1:])
if count > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{port}", count, rank)

import equinox as eqx
from jax.experimental.multihost_utils import process_allgather
from nonet import recsim
from nonet.recsim.simulation import devices_mesh
from nonet.recsim.stories.ecosystem import Consumers, Matchmaker, Providers, ecosystem, scattered_topics

topics = scattered_topics(recsim.key(1), clusters=4)
world = ecosystem(Consumers(topics, 128), Providers(topics), Matchmaker(boost=1.2))
record = recsim.Record(("publishing", "choice", "utility"))
mesh = devices_mesh(count) if count > 1 else None
key = recsim.key(3)
state, _ = eqx.filter_jit(recsim.start)(world, key, record, mesh)
_, kept = eqx.filter_jit(recsim.advance)(world, key, state, 6, record, mesh)
if count > 1:
    kept = process_allgather(kept, tiled=True)
digest = hashlib.sha256()
for name in sorted(kept):
    digest.update(np.asarray(kept[name]).tobytes())
print(digest.hexdigest())
"""


def _run(count: int) -> list[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(rank), str(count), str(port)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    answers = [process.communicate(timeout=280) for process in processes]
    for process, (_, errors) in zip(processes, answers, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return [out.strip().splitlines()[-1] for out, _ in answers]


def test_two_processes_have_the_bytes_of_one():
    alone = _run(1)
    assert _run(2) == alone * 2
