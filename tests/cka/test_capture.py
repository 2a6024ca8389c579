import pytest
import torch
from torch import nn

from cka_networks import pictures, small_net
from nonet.cka.capture import Capture, ReadFeatures
from nonet.cka.comparing import cka
from nonet.cka.config import CompareOptions
from nonet.cka.selecting import select, unwrapped
from nonet.foundation.errors import DataError, UsageError


def shapes(model, batch, **options):
    mask = options.pop("mask", None)
    capture = Capture(model, ReadFeatures(CompareOptions(**options), lambda name, rows: rows.clone()))
    capture.reduce.mask = mask
    with capture.attached():
        return capture.run(batch), capture


def test_every_leaf_by_call_and_the_model_as_before():
    net = small_net().train()
    net[1].bn1.eval()  # a frozen norm
    before = [module.training for module in net.modules()]
    statistics = net[2].bn1.running_mean.clone()
    found, _ = shapes(net, pictures(8))
    assert list(found)[:8] == ["0", "1.conv1", "1.bn1", "1.relu", "1.conv2", "1.bn2", "1.relu#2", "2.conv1"]
    assert found["0"].shape == (8, 6 * 64)
    assert [module.training for module in net.modules()] == before
    assert torch.equal(net[2].bn1.running_mean, statistics)
    assert not any(module._forward_hooks for module in net.modules())


def test_names_globs_and_functions_choose():
    net = small_net()
    assert list(select(net, "1.conv*")) == ["1.conv1", "1.conv2"]
    assert list(select(net, ["2", "0"])) == ["0", "2"]
    assert list(select(net, lambda name, module: isinstance(module, nn.Linear))) == ["5"]
    with pytest.raises(UsageError, match="Did you mean"):
        select(net, "1.convv1")
    with pytest.raises(UsageError, match="No layer"):
        select(net, lambda name, module: False)
    assert list(select(nn.Linear(2, 2))) == ["Linear"]
    many = nn.Sequential(*(nn.Identity() for _ in range(10_000)))
    assert len(select(many, "*")) == 10_000
    assert list(select(many, "999?")) == [str(number) for number in range(9990, 10_000)]


def test_channels_last_is_flattened_without_a_copy():
    class Keep(nn.Module):
        def forward(self, x):
            self.seen = x
            return x

    model, rows = Keep(), []
    capture = Capture(model, ReadFeatures(CompareOptions(), lambda name, flat: rows.append(flat.data_ptr())))
    with capture.attached():
        capture.run(pictures(8))
    assert rows == [model.seen.data_ptr()]
    assert model.seen.is_contiguous(memory_format=torch.channels_last)


class Odd(nn.Module):
    """Puts out tuples, dictionaries, numbers that are no features, and a table without examples."""

    class Leaf(nn.Module):
        def forward(self, x):
            return {"hidden": x, "pair": (x * 2, x**2), "index": x.argmax(1), "table": x.new_zeros(1, 5), "none": None}

    def __init__(self):
        super().__init__()
        self.leaf = self.Leaf()

    def forward(self, x):
        return self.leaf(x)["hidden"]


def test_nested_outputs_are_named_and_what_is_no_features_is_said():
    found, capture = shapes(Odd(), torch.rand(6, 3))
    assert list(found) == ["leaf.hidden", "leaf.pair[0]", "leaf.pair[1]"]
    assert "int64" in capture.skipped["leaf.index"]
    assert "(1, 5)" in capture.skipped["leaf.table"]


@pytest.mark.parametrize("first", [True, False])
def test_recurrent_networks_by_example(first):
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(3, 4, batch_first=first)

        def forward(self, x):
            return self.lstm(x if first else x.transpose(0, 1))[0]

    found, _ = shapes(Reader(), torch.rand(6, 5, 3))
    assert found["lstm[0]"].shape == (6, 20)
    assert found["lstm[1][0]"].shape == (6, 4)


def test_tokens_and_padding():
    x = torch.arange(24.0).reshape(2, 4, 3) + 1
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]])

    def of(**options):
        capture = Capture(nn.Identity(), ReadFeatures(CompareOptions(**options), lambda name, rows: rows.clone()))
        capture.reduce.mask = mask
        with capture.attached():
            return capture.run(x)["Identity"]

    assert torch.equal(of(tokens="first"), x[:, 0])
    assert torch.equal(of(tokens="last"), torch.stack([x[0, 1], x[1, 3]]))
    assert torch.equal(of(tokens="mean"), torch.stack([x[0, :2].mean(0), x[1].mean(0)]))
    assert torch.equal(of(tokens="all")[0, 6:], torch.zeros(6))
    assert torch.equal(of(tokens="all")[1], x[1].flatten())


def test_positions_are_drawn_once_and_the_same_for_every_example():
    x = torch.arange(2 * 3 * 4 * 4.0).reshape(2, 3, 4, 4)
    first, _ = shapes(nn.Identity(), x, positions=5)
    again, _ = shapes(nn.Identity(), x, positions=5)
    kept = first["Identity"]
    assert kept.shape == (2, 15)
    assert torch.equal(kept, again["Identity"])
    assert torch.equal(kept[1] - kept[0], torch.full((15,), 48.0))
    assert shapes(nn.Identity(), torch.rand(2, 9, 3), positions=4)[0]["Identity"].shape == (2, 12)


@pytest.mark.slow
def test_wrappers_are_looked_through():
    net = small_net()
    assert unwrapped(nn.DataParallel(net)) is net
    assert unwrapped(torch.compile(net)) is net
    assert cka(nn.DataParallel(net), pictures().split(32)).rows[0] == "0"


def test_hooks_go_when_the_model_fails():
    class Breaks(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(3, 3)

        def forward(self, x):
            self.inner(x)
            raise RuntimeError("no")

    model = Breaks().train()
    with pytest.raises(DataError, match="no") as told:
        cka(model, [torch.rand(8, 3)])
    assert isinstance(told.value.__cause__, RuntimeError)
    assert not model.inner._forward_hooks
    assert model.inner.training


def test_a_model_that_calls_no_layer_says_so():
    class Silent(nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = nn.Linear(3, 3)

        def forward(self, x):
            return None

    with pytest.raises(DataError, match="none of the chosen layers was called"):
        cka(Silent(), [torch.rand(8, 3)])


def test_dictionaries_go_to_the_arguments_of_their_names():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(3, 2)

        def forward(self, pixels):
            return self.inner(pixels)

    batch = {"pixels": torch.rand(8, 3), "labels": torch.zeros(8), "id": torch.zeros(8)}
    assert cka(Named(), [batch]).rows == ("inner",)
    with pytest.raises(DataError, match="forward takes pixels"):
        cka(Named(), [{"images": torch.rand(8, 3)}])
    with pytest.raises(DataError, match="holds no tensor"):
        cka(Named(), ["words"])
    assert cka(Named(), [batch], call=lambda model, batch: model.forward(batch["pixels"])).rows == ("inner",)


def test_a_batch_of_any_shape_goes_to_the_model_s_device():
    from nonet.cka.batches import moved

    x = torch.rand(2, 3)
    there = moved({"pair": [x, (x, "words")], "mask": x}, torch.device("meta"))
    assert {value.device.type for value in (there["pair"][0], there["pair"][1][0], there["mask"])} == {"meta"}
    assert there["pair"][1][1] == "words"


def test_other_precisions_are_read():
    data = torch.rand(16, 5)
    plain = cka(nn.Linear(5, 4), [data]).values
    assert cka(nn.Linear(5, 4).double(), [data.double()]).values == pytest.approx(plain, abs=1e-6)
    assert cka(nn.Linear(5, 4).bfloat16(), [data.bfloat16()]).values.shape == (1, 1)
