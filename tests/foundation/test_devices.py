import pytest
import torch

from nonet.foundation import devices


def test_threads_are_as_many_as_before_afterwards():
    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="within"), devices.threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise ValueError("within")
    assert torch.get_num_threads() == before
