"""How a model is called with batches of any shape."""

import pytest
import torch
from torch import nn

from nonet.cka import batches
from nonet.foundation.errors import DataError


def test_inputs_that_a_model_does_not_take_are_told():
    assert batches.call(nn.Linear(3, 2), (torch.zeros(4, 3), torch.zeros(4))).shape == (4, 2)
    with pytest.raises(DataError, match="does not take these inputs"):
        batches.call(nn.Linear(3, 2), torch.zeros(4, 5))
