import subprocess
import sys
import threading

import pytest
import torch
from torch import nn

from nonet.foundation.errors import ArtifactError
from nonet.foundation.fitting import bounded, fitted


def layers(count: int, width: int) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(count)))


def test_a_network_gets_the_weights_that_fit(tmp_path):
    made = fitted(lambda: layers(2, 3), layers(2, 3).state_dict(), "model", tmp_path)
    assert made[0].weight.device.type == "cpu"


@pytest.mark.parametrize("shape", [(10**9, 3), (2, 10**6)])
def test_a_description_of_a_network_that_no_machine_holds_is_refused(tmp_path, shape):
    with pytest.raises(ArtifactError, match="do not fit together"):
        fitted(lambda: layers(*shape), layers(2, 3).state_dict(), "model", tmp_path)


def test_whatever_a_library_raises_on_a_configuration_is_said_in_words(tmp_path):
    class OwnError(Exception):
        pass

    def build() -> nn.Module:
        raise OwnError("field 'width' is\nnone")

    with pytest.raises(ArtifactError, match="field 'width' is none"):
        fitted(build, {}, "model", tmp_path)


def test_only_the_thread_that_asked_is_bounded():
    with bounded(3):
        other = threading.Thread(target=layers, args=(4, 2))
        other.start()
        other.join()
        layers(1, 2)
        with pytest.raises(ValueError, match="more than 3 parameters"):
            layers(1, 2)
    assert len(list(layers(4, 2).parameters())) == 8
    assert torch.nn.modules.module._global_parameter_registration_hooks == {}


def test_the_shapes_of_a_network_are_compared_without_torchs_compiler():
    """It takes seconds to load, and nothing but draws on the meta device would ask for it."""
    asked = (
        "import sys; from pathlib import Path; from torch import nn; from nonet.foundation.fitting import fitted;"
        "build = lambda: nn.Sequential(nn.Embedding(3, 4), nn.Conv1d(4, 4, 2), nn.GRU(4, 4));"
        "made, weights = None, build().state_dict();"
        "made = fitted(build, weights, 'model', Path('x'));"
        "assert all((made.state_dict()[name] == value).all() for name, value in weights.items());"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", asked], check=True)
