"""Two processes share the data and add up their sums."""

import numpy as np
import pytest
import torch
from torch import distributed

from cka_networks import pictures, small_net
from nonet.cka.comparing import accumulate

pytestmark = pytest.mark.slow


def work(rank: int, folder: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.set_num_threads(1)
    batches = pictures(96).split(16)
    found = accumulate({"m": small_net()}, batches[3 * rank : 3 * rank + 3], offset=3 * rank)
    found.all_reduce()
    np.save(f"{folder}/{rank}.npy", np.append(found.total().ravel(), [found.batches, len(found.leave_one_out())]))
    distributed.destroy_process_group()


def test_two_processes_equal_one(tmp_path):
    torch.multiprocessing.spawn(work, (str(tmp_path),), nprocs=2)
    whole = accumulate({"m": small_net()}, pictures(96).split(16))
    for rank in range(2):
        stored = np.load(tmp_path / f"{rank}.npy")
        np.testing.assert_allclose(stored[:-2], whole.total().ravel(), rtol=1e-9)
        assert stored[-2:].tolist() == [6, 6]
