from dataclasses import replace

import numpy as np
import pytest
import torch

from nonet.foundation.errors import ArtifactError
from nonet.gaze.config import PRESETS
from nonet.gaze.model import GazeNet, as_input, load, save


def net(preset="64-half"):
    torch.manual_seed(0)
    return GazeNet(PRESETS[preset]).eval()


def inputs(side, count=3):
    rng = torch.Generator().manual_seed(1)
    crops = torch.randint(256, (2, count, 3, side, side), generator=rng, dtype=torch.uint8)
    return crops[0], crops[1], torch.rand(count, 8, generator=rng)


def test_the_articles_network_has_the_weights_that_its_layers_have():
    convolutions = 3 * 32 * 49 + 32 + 32 * 64 * 25 + 64 + 64 * 128 * 9 + 128
    corners = 8 * 128 + 128 + 128 * 16 + 16 + 16 * 16 + 16
    head = (512 + 512 + 16) * 8 + 8 + 8 * 4 + 4 + 4 * 2 + 2
    assert net("128").parameters_count == convolutions + corners + head == 141_718
    # the replications count 142,190 with batch normalisation, also behind FC4 and FC5
    assert GazeNet(replace(PRESETS["128"], batch_norm=True)).parameters_count == 142_190


@pytest.mark.parametrize(("preset", "side"), [("128", 128), ("64", 64), ("64-half", 64)])
def test_gaze_and_four_rectified_features_come_out(preset, side):
    left, right, corners = inputs(side)
    seen = net(preset)(as_input(left), as_input(right), corners)
    assert seen.gaze_cm.shape == (3, 2)
    assert seen.features.shape == (3, 4)
    assert (seen.features >= 0).all()


def test_both_eyes_go_through_one_tower():
    model = net()
    assert sum(isinstance(module, torch.nn.Conv2d) for module in model.modules()) == 3
    left, right, _ = inputs(64)
    both = model.tower(torch.cat([as_input(left), as_input(right)])).flatten(1)
    torch.testing.assert_close(both[:3], model.tower(as_input(left)).flatten(1), atol=1e-5, rtol=1e-5)


def test_brightness_of_a_crop_does_not_matter():
    crop = torch.full((1, 3, 64, 64), 90, dtype=torch.uint8)
    crop[..., 20:40, 20:40] = 40
    torch.testing.assert_close(as_input(crop), as_input(crop + 60), atol=1e-5, rtol=0)


def test_a_saved_network_answers_alike_and_another_artifact_is_refused(tmp_path):
    model = net()
    save(model, tmp_path / "model")
    left, right, corners = inputs(64)
    arguments = (as_input(left), as_input(right), corners)
    torch.testing.assert_close(load(tmp_path / "model")(*arguments).gaze_cm, model(*arguments).gaze_cm)
    with pytest.raises(ArtifactError):
        load(tmp_path)


@pytest.mark.slow
def test_onnx_answers_as_torch_does(tmp_path):
    import onnxruntime

    from nonet.gaze.deploy import export_onnx

    model = net()
    export_onnx(model, tmp_path / "gaze.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "gaze.onnx"), providers=["CPUExecutionProvider"])
    left, right, corners = inputs(64, count=5)  # another batch size than it was exported with
    gaze, features = session.run(None, {"left": left.numpy(), "right": right.numpy(), "corners": corners.numpy()})
    with torch.inference_mode():
        seen = model(as_input(left), as_input(right), corners)
    np.testing.assert_allclose(gaze, seen.gaze_cm.numpy(), atol=1e-4)
    np.testing.assert_allclose(features, seen.features.numpy(), atol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_no_unit_starts_dead_and_the_untrained_answer_is_near_the_centre(seed):
    torch.manual_seed(seed)
    net = GazeNet(PRESETS["64-half"], (1.0, -7.0)).eval()
    crops = torch.randint(256, (2, 24, 3, 64, 64), generator=torch.Generator().manual_seed(9), dtype=torch.uint8)
    with torch.no_grad():
        seen = net(as_input(crops[0]), as_input(crops[1]), torch.rand(24, 8))
    assert (seen.features > 0).float().mean(dim=0).min() > 0.5
    assert (seen.gaze_cm.mean(dim=0) - torch.tensor([1.0, -7.0])).abs().max() < 2
