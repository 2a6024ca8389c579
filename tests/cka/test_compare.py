import numpy as np
import pytest
import torch
from torch import nn

from cka_networks import pictures, reference_cka, small_net
from nonet.cka.comparing import accumulate, cka, compare
from nonet.cka.config import CompareOptions
from nonet.cka.grams import GramMaker
from nonet.cka.kernels import linear_gram, u_center
from nonet.cka.similarity import Similarity
from nonet.foundation.errors import ArtifactError, DataError, ResourceError, UsageError


class Twins(nn.Module):
    """Puts out the two sets of features that the batch consists of."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Identity(), nn.Identity()

    def forward(self, both):
        half = both.shape[1] // 2
        self.left(both[:, :half])
        self.right(both[:, half:])


def features(count, width, *, mean=0.0, scale=1.0, seed=0):
    random = np.random.default_rng(seed)
    x = random.standard_normal((count, width))
    y = x[:, ::-1] * 0.7 + random.standard_normal((count, width))
    return ((np.hstack([x, y]) + mean * random.standard_normal(2 * width)) * scale).astype(np.float32)


def measured(table, size, **options):
    batches = torch.from_numpy(table).split(size)
    found = cka(Twins(), batches, options=CompareOptions(**options))
    half = table.shape[1] // 2
    pairs = [(batch.numpy()[:, :half], batch.numpy()[:, half:]) for batch in batches if len(batch) >= 4]
    return found, pairs


@pytest.mark.parametrize("mean", [0, 3, 30, 300])
@pytest.mark.parametrize("width", [3, 40, 700])
def test_against_double_precision(mean, width):
    found, pairs = measured(features(150, width, mean=mean), 64)
    assert found["left", "right"] == pytest.approx(reference_cka(pairs), abs=1e-6)
    assert found["left", "left"] == pytest.approx(1, abs=1e-6)


def test_a_layer_whose_mean_outweighs_the_rest_is_centred_first():
    """Its digits are lost otherwise; of the others the product is taken as it is, without a copy."""
    maker = GramMaker(CompareOptions())
    random = np.random.default_rng(0)
    for mean, centred in ((1.0, False), (100.0, True)):
        x = (random.standard_normal((32, 500)) + mean * random.standard_normal(500)).astype(np.float32)
        before, room = x.copy(), maker._buffer.numel()
        packed = maker(torch.from_numpy(x), layer=str(mean))
        np.testing.assert_array_equal(x, before)
        assert (maker._buffer.numel() > room) is centred
        exact = u_center(linear_gram(x.astype(np.float64)))[np.triu_indices(32, 1)]
        found = np.ldexp(packed.vector.astype(np.float64), packed.exponent)
        assert np.abs(found - exact).max() < 1e-5 * np.abs(exact).max()


@pytest.mark.parametrize("mean", [0, 100])
def test_several_threads_share_the_features(mean):
    table = torch.from_numpy(features(64, 3000, mean=mean, seed=3))
    alone = GramMaker(CompareOptions())(table)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        shared = GramMaker(CompareOptions())(table)
    finally:
        torch.set_num_threads(before)
    assert shared.exponent == alone.exponent
    np.testing.assert_allclose(shared.vector, alone.vector, atol=2e-6)


def test_half_precision_activations_are_computed_in_single_precision():
    batches = torch.from_numpy(features(96, 40)).bfloat16().split(32)
    found = cka(Twins().bfloat16(), batches)
    pairs = [(batch[:, :40].double().numpy(), batch[:, 40:].double().numpy()) for batch in batches]
    assert found["left", "right"] == pytest.approx(reference_cka(pairs), abs=1e-6)
    layer = nn.Linear(80, 8)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = cka(layer, [batch.float() for batch in batches])
    assert mixed["Linear", "Linear"] == pytest.approx(1, abs=1e-6)
    assert layer.weight.dtype == torch.float32


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e-3, 1e12, 1e30])
def test_tiny_and_huge_features(scale):
    table = features(64, 20)
    plain, scaled = measured(table, 32)[0], measured((table * np.float32(scale)).astype(np.float32), 32)[0]
    assert np.abs(scaled.values - plain.values).max() < 1e-6


@pytest.mark.parametrize("rest", [1, 2, 3])
def test_a_last_batch_that_is_too_small_is_left_out_and_said(rest):
    table = features(64 + rest, 20)
    found, pairs = measured(table, 32)
    assert found["left", "right"] == pytest.approx(reference_cka(pairs), abs=1e-6)
    assert found.facts["left_out_examples"] == rest
    assert found.facts["examples"] == 64


def test_the_two_weightings():
    table = features(40, 20)
    for weighting in ("pairs", "batches"):
        found, pairs = measured(table, 32, weighting=weighting)
        assert found["left", "right"] == pytest.approx(reference_cka(pairs, weighting == "pairs"), abs=1e-6)


def test_negative_values_are_kept():
    random = np.random.default_rng(1)
    table = random.standard_normal((16, 2000)).astype(np.float32)
    found, pairs = measured(table, 8)
    assert found["left", "right"] == pytest.approx(reference_cka(pairs), abs=1e-6)
    low = min(measured(random.standard_normal((16, 900)).astype(np.float32), 8)[0]["left", "right"] for _ in range(9))
    assert low < 0


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_constant_features_are_nan_with_a_reason(value):
    table = features(64, 20)
    table[:, :20] = value
    found, _ = measured(table, 32)
    assert np.isnan(found["left", "right"])
    assert "same for every example" in found.reasons["left"]
    assert found["right", "right"] == pytest.approx(1)


@pytest.mark.slow
def test_rbf_and_norms_and_removed_components():
    table = features(64, 20)
    found, pairs = measured(table, 64, kernel="rbf")
    from nonet.cka.kernels import rbf_cka

    assert found["left", "right"] == pytest.approx(rbf_cka(*pairs[0]), abs=1e-5)

    long = table.copy()
    long[3] *= 50
    assert measured(long, 64, normalize=True)[0]["left", "right"] == pytest.approx(
        measured(table, 64, normalize=True)[0]["left", "right"], abs=1e-6
    )

    without = []
    for side in pairs[0]:
        centred = side.astype(np.float64) - side.mean(0, dtype=np.float64)
        u, s, v = np.linalg.svd(centred, full_matrices=False)
        without.append((u[:, 1:] * s[1:]) @ v[1:])
    expected = reference_cka([(without[0], without[1])])
    assert measured(table, 64, remove_pc=True)[0]["left", "right"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_the_interval_covers_the_value_of_much_data_and_narrows():
    wide, much = measured(features(256, 20), 16)[0], measured(features(4096, 20), 16)[0]
    low, high = wide.interval(0.99)
    assert low[0, 1] < much["left", "right"] < high[0, 1]
    assert much.half_width() < wide.half_width() / 2
    settling = much.facts["settling"]
    assert [count for count, _ in settling] == [2, 4, 8, 16, 32, 64, 128, 256]
    assert settling[-1][1] < settling[0][1]


@pytest.mark.slow
def test_a_tolerance_ends_the_run_early():
    full, early = (measured(features(4096, 20), 16, tolerance=t)[0] for t in (None, 0.05))
    assert early.half_width() <= 0.05
    assert early.facts["batches"] < full.facts["batches"]


def test_in_place_operations_change_nothing():
    batches = pictures().split(32)
    safe, inplace = cka(small_net(False).eval(), batches), cka(small_net(True).eval(), batches)
    assert safe.rows == inplace.rows
    assert "1.relu#2" in safe.rows
    np.testing.assert_allclose(inplace.values, safe.values, atol=1e-6)
    assert inplace["1.bn2", "1.relu#2"] < 0.99


def test_across_models_is_a_block_of_the_joint_map():
    batches = pictures().split(32)
    a, b = small_net(seed=0), small_net(seed=1)
    joint = compare({"a": a, "b": b}, batches)
    np.testing.assert_allclose(joint["a", "b"].values, cka(a, batches, b).values, atol=1e-6)
    np.testing.assert_allclose(joint["a", "a"].values, cka(a, batches).values, atol=1e-6)
    np.testing.assert_array_equal(joint["a", "b"].values, joint["b", "a"].values.T)


def test_loaders_of_other_forms_of_the_same_examples():
    data = pictures()
    a, b = small_net(seed=0), small_net(seed=1)
    same = cka(a, data.split(32), b, other_loader=data.split(32))
    np.testing.assert_allclose(same.values, cka(a, data.split(32), b).values, atol=1e-6)
    with pytest.raises(DataError, match="different orders"):
        cka(a, data.split(32), b, other_loader=data.flip(0).split(32))
    with pytest.raises(DataError, match="examples cannot be compared"):
        cka(a, data.split(32), b, other_loader=data.split(16))
    with pytest.raises(DataError, match="different lengths"):
        cka(a, data.split(32), b, other_loader=data[:32].split(32))


def test_batches_of_one_are_refused():
    with pytest.raises(DataError, match="larger batches"):
        cka(small_net(), pictures(4).split(1))


def test_nan_is_reported_with_its_layer():
    net = small_net()
    with torch.no_grad():
        net[1].conv2.weight[:] = float("nan")
    with pytest.raises(DataError, match="NaN") as caught:
        cka(net, pictures().split(32))
    assert "1.conv2" in str(caught.value)
    assert not any(module._forward_hooks for module in net.modules())


def test_ten_thousand_layers_in_large_batches_are_refused_before_they_fill_the_memory(monkeypatch):
    import psutil

    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 10_000})())
    with pytest.raises(ResourceError, match="need about"):
        cka(nn.Sequential(*(nn.Identity() for _ in range(300))), [torch.rand(8, 2)])


def test_interrupted_and_taken_up(tmp_path, monkeypatch):
    from nonet.cka import resuming

    monkeypatch.setattr(resuming, "_EVERY", -1.0)
    batches, state = pictures(96).split(16), tmp_path / "progress.safetensors"
    whole = cka(small_net(), batches)

    def broken():
        yield from batches[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare({"model": small_net()}, broken(), state=state)
    assert state.exists()
    with pytest.raises(DataError, match="order of the interrupted"):
        compare({"model": small_net()}, list(batches[::-1]), state=state)
    with pytest.raises(ArtifactError, match="other data or options"):
        compare({"model": small_net()}, batches, state=state, options=CompareOptions(kernel="rbf"))
    runs = []

    class Counted(nn.Sequential):
        def forward(self, x):
            runs.append(len(x))
            return super().forward(x)

    resumed = compare({"model": Counted(*small_net())}, batches, state=state)["model", "model"]
    assert len(runs) == 3
    np.testing.assert_array_equal(resumed.values, whole.values)
    assert not state.exists()


def test_a_model_that_branches_by_batch_is_refused():
    class Moody(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.b(self.a(x)) if x.sum() > 0 else self.a(x)

    with pytest.raises(DataError, match="layer b"):
        cka(Moody(), [torch.ones(4, 2), -torch.ones(4, 2)])


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["npz", "csv", "svg", "png"])
def test_a_map_is_written_and_read(tmp_path, ending):
    found = cka(small_net(), pictures().split(32))
    path = tmp_path / f"map.{ending}"
    found.save(path)
    if ending == "npz":
        again = Similarity.load(path)
        np.testing.assert_array_equal(again.values, found.values)
        assert (again.rows, again.facts["inputs"]) == (found.rows, found.facts["inputs"])
    elif ending == "csv":
        lines = path.read_text().splitlines()
        assert lines[0].split(",")[1:] == list(found.columns)
        assert float(lines[1].split(",")[2]) == pytest.approx(found.values[0, 1], abs=1e-7)
    else:
        assert path.read_bytes()[:4] in {b"\x89PNG", b"<?xm"}
    with pytest.raises(UsageError, match="No such format"):
        found.save(tmp_path / "map.xyz")
    with pytest.raises(ArtifactError, match="not a similarity map"):
        (tmp_path / "bad.npz").write_bytes(b"nothing")
        Similarity.load(tmp_path / "bad.npz")


def test_reading_a_map():
    a, b = small_net(blocks=2), small_net(blocks=3)
    found = cka(a, pictures().split(32), b)
    assert found.at_proportional_depth()[0] == found.values[0, 0]
    assert found.at_proportional_depth()[-1] == found.values[-1, -1]
    assert found.best_match()[0] == 0
    assert len(found.heatmap().data) == 1
    with pytest.raises(UsageError, match="no layer"):
        found["nowhere", "0"]


def test_sums_of_shares_of_the_data_add_up():
    batches = pictures(96).split(16)
    whole = accumulate({"m": small_net()}, batches)
    first = accumulate({"m": small_net()}, batches[:2])
    first.merge(accumulate({"m": small_net()}, batches[2:], offset=2))
    np.testing.assert_allclose(first.total(), whole.total(), rtol=1e-12)
    assert len(first.leave_one_out()) == 6
    with pytest.raises(DataError, match="count double"):
        whole.merge(accumulate({"m": small_net()}, batches))
    with pytest.raises(UsageError, match="cannot be added"):
        whole.merge(accumulate({"m": small_net(blocks=1)}, batches))
