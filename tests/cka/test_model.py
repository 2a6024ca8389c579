import numpy as np
import pytest
import torch
from torch import nn

from cka_networks import pictures
from nonet.cka.capture import Capture
from nonet.cka.config import NetworkConfig, RecipeConfig
from nonet.cka.data import Pictures, read
from nonet.cka.model import ResNet, SameConv2d
from nonet.cka.regularizer import PrincipalPenalty, first_share
from nonet.cka.train import MomentumSGD, Run, Trainee, accuracy, augmented, checkpoints, load_network, train_one
from nonet.foundation.errors import DataError, UsageError


@pytest.mark.parametrize(("depth", "layers"), [(14, 51), (20, 72), (56, 198)])
def test_as_many_layers_as_the_article_analyses(depth, layers):
    capture = Capture(ResNet(NetworkConfig(depth)), lambda name, tensor: tensor.shape, inputs=True)
    with capture.attached():
        assert len(capture.run(pictures(2, side=32))) == layers


def test_the_porting_traps():
    net = ResNet(NetworkConfig(14, 2))
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert all(module.bias is not None and (module.bias == 0).all() for module in convolutions)
    assert convolutions[0].out_channels == 32
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}
    assert len(norms) == 13  # none behind a projection
    weight = net.stages[2][1].conv1.weight
    assert weight.std().item() == pytest.approx((2 / weight[0].numel()) ** 0.5, rel=0.02)
    assert torch.equal(weight, ResNet(NetworkConfig(14, 2)).stages[2][1].conv1.weight)


def test_stride_two_pads_at_the_end_only():
    convolution = SameConv2d(1, 1, 3, 2)
    with torch.no_grad():
        convolution.weight.zero_()
        convolution.weight[0, 0, 0, 0] = 1  # the upper left of each window
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.equal(convolution(x)[0, 0], x[0, 0, ::2, ::2])


@pytest.mark.slow
def test_plain_and_large_layouts():
    plain = ResNet(NetworkConfig(14, residual=False))
    assert not any("add" in name or "projection" in name for name, _ in plain.named_modules())
    large = ResNet(NetworkConfig(53, layout="imagenet", classes=3)).eval()
    assert [len(stage) for stage in large.stages] == [3, 4, 7, 3]
    with torch.no_grad():
        assert large(pictures(1, side=64)).shape == (1, 3)
    with pytest.raises(UsageError, match="6n"):
        NetworkConfig(15)


def test_the_velocity_holds_the_rate():
    weight = nn.Parameter(torch.tensor([1.0]))
    optimizer = MomentumSGD([{"params": [weight], "weight_decay": 0.5}], lr=0.1, momentum=0.9)
    expected, velocity = 1.0, 0.0
    for rate in (0.1, 0.01):
        optimizer.param_groups[0]["lr"] = rate
        weight.grad = torch.tensor([2.0])
        optimizer.step()
        velocity = 0.9 * velocity - rate * (2.0 + 0.5 * expected)
        expected += velocity
    assert weight.item() == pytest.approx(expected)


def test_augmentation_crops_reflected_pictures_and_mirrors():
    torch.manual_seed(0)
    x = torch.arange(64.0).reshape(1, 1, 8, 8).repeat(200, 1, 1, 1)
    out = augmented(x)
    assert out.shape == x.shape
    assert any(torch.equal(one, x[0]) for one in out)
    assert any(torch.equal(one, x[0].flip(2)) for one in out)
    assert len({tuple(one.flatten().tolist()) for one in out}) == 18  # nine places, mirrored or not


def test_the_penalty_is_that_of_the_first_component():
    x = torch.randn(30, 12, generator=torch.Generator().manual_seed(0)) * torch.tensor([9.0, *[1.0] * 11])
    values = torch.linalg.svdvals(x - x.mean(0)) ** 2
    assert first_share(x).item() == pytest.approx((values[0] / values.sum()).item(), rel=0.02)
    layer = nn.Linear(12, 12)
    penalty = PrincipalPenalty([layer], strength=10, threshold=0.1)
    out = layer(x)
    loss = penalty.take()
    assert loss.item() == pytest.approx(10 * (first_share(out).item() - 0.1), rel=1e-4)
    loss.backward()
    assert layer.weight.grad.abs().sum() > 0
    assert penalty.take() == 0


def simple_pictures(count, seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    images = (random.random((count, 3, 8, 8)) * 80 + 150 * labels[:, None, None, None]).astype(np.uint8)
    return Pictures(images, labels, ("dark", "bright"), "made up")


@pytest.mark.slow
def test_training_runs_channels_last_in_half_precision(tmp_path):
    from nonet.foundation.training import Rows, TrainingConfig, fit

    train = simple_pictures(16)
    network = ResNet(NetworkConfig(8, classes=2)).to(memory_format=torch.channels_last)
    seen = []
    network.stages[0].register_forward_hook(lambda module, inputs, out: seen.append(out))
    rows = Rows(images=torch.from_numpy(train.images), labels=torch.from_numpy(train.labels))
    options = TrainingConfig(steps=2, batch_size=8, clip_norm=None, precision="bf16", device="cpu")
    fit(Trainee(network, RecipeConfig()), rows, options, folder=tmp_path)
    assert seen[0].dtype == torch.bfloat16
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}


@pytest.mark.slow
def test_a_network_learns_is_kept_and_not_trained_twice(tmp_path):
    train, test = simple_pictures(128), simple_pictures(64, 1)
    recipe = RecipeConfig(epochs=30, batch_size=16, learning_rate=0.05, snapshots=2, pc_strength=0.1, precision="no")
    run = Run(NetworkConfig(8, classes=2), recipe, 3, tmp_path / "net")
    figures = train_one(run, train, test)
    assert figures["test accuracy"] > 0.9
    again = load_network(tmp_path / "net")
    assert accuracy(again, test) == pytest.approx(figures["test accuracy"])
    steps = sorted(path.name for path in (tmp_path / "net" / "snapshots").iterdir())
    assert steps == ["step-0000120", "step-0000240"]
    states = checkpoints(tmp_path / "net")
    assert list(states) == ["0", "120", "240"]  # the end is the last snapshot
    assert torch.equal(states["0"].conv.weight, ResNet(NetworkConfig(8, classes=2), 3).conv.weight)
    assert accuracy(states["240"], test) == pytest.approx(figures["test accuracy"])
    log = (tmp_path / "net" / "log.jsonl").stat().st_mtime_ns
    assert train_one(run, train, test) == figures
    assert (tmp_path / "net" / "log.jsonl").stat().st_mtime_ns == log


def test_packaged_digits_are_split_by_class():
    train, test = read("mnist", "train"), read("mnist", "test", side=14)
    assert (len(train), len(test)) == (4000, 1000)
    assert np.bincount(test.labels).tolist() == [100] * 10
    assert test.images.shape[1:] == (1, 14, 14)
    assert test.tensors()[0].max() <= 1


def test_the_binary_release_and_folders(tmp_path):
    records = np.zeros((4, 3073), np.uint8)
    records[:, 0] = [3, 1, 2, 0]
    records[1, 1:1025] = 9
    cifar = tmp_path / "cifar"
    cifar.mkdir()
    records.tofile(cifar / "data_batch_1.bin")
    records[:2].tofile(cifar / "test_batch.bin")
    train = read(cifar, "train")
    assert train.labels.tolist() == [3, 1, 2, 0]
    assert (train.images[1, 0] == 9).all()
    assert len(read(cifar, "test")) == 2
    (cifar / "data_batch_2.bin").write_bytes(b"12345")
    with pytest.raises(DataError, match="no multiple"):
        read(cifar, "train")

    from PIL import Image

    for split in ("train", "test"):
        for number, name in enumerate(("a", "b")):
            for picture in range(3):
                path = tmp_path / "folders" / split / name / f"{picture}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (12, 12), (10 * picture, number, 0)).save(path)
    found = read(tmp_path / "folders", "test", crop=8)
    assert found.classes == ("a", "b")
    assert (found.images[:, 1, 0, 0] == found.labels).all()
    assert found.images.shape == (6, 3, 8, 8)
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "nowhere")


@pytest.mark.data
@pytest.mark.slow
def test_the_real_pictures(real_data):
    found = read(real_data / "cifar10-jpg.tar.xz", "test", limit=300)
    assert found.images.shape == (300, 3, 32, 32)
    assert len(found.classes) == 10
    assert np.bincount(found.labels, minlength=10).min() > 10
