import numpy as np
import pytest

from nonet.align.features import FeatureStore

KEYS = [f"{n:064x}" for n in (5, 3, 5, 8)]


def compute(calls):
    def features(rows):
        calls.append(list(rows))
        return np.array([[row, -row] for row in rows], np.float32)

    return features


def test_a_second_time_nothing_is_computed(tmp_path):
    calls = []
    first = FeatureStore(tmp_path, "a" * 64, 2).get(KEYS, compute(calls), "x")
    assert first[:, 0].tolist() == [0, 1, 0, 3]  # equal keys, one computation
    assert calls == [[0, 1, 3]]
    again = FeatureStore(tmp_path, "a" * 64, 2).get(KEYS[::-1], compute(calls), "x")
    assert again[:, 0].tolist() == [3, 0, 1, 0]
    assert len(calls) == 1


def test_another_encoder_has_features_of_its_own(tmp_path):
    calls = []
    for fingerprint in ("a" * 64, "b" * 64):
        FeatureStore(tmp_path, fingerprint, 2).get(KEYS, compute(calls), "x")
    assert len(calls) == 2


def test_only_what_is_missing_is_computed(tmp_path):
    calls = []
    store = FeatureStore(tmp_path, "a" * 64, 2)
    store.get(KEYS[:1], compute(calls), "x")
    store.get(KEYS, compute(calls), "x")
    assert calls == [[0], [1, 3]]


def test_an_interruption_keeps_what_was_computed(tmp_path, monkeypatch):
    monkeypatch.setattr("nonet.align.features._SEGMENT", 2)
    keys = [f"{n:064x}" for n in range(6)]
    calls = []
    counting = compute(calls)

    def interrupted(rows):
        if len(calls) == 2:
            raise KeyboardInterrupt
        return counting(rows)

    with pytest.raises(KeyboardInterrupt):
        FeatureStore(tmp_path, "a" * 64, 2).get(keys, interrupted, "x")
    FeatureStore(tmp_path, "a" * 64, 2).get(keys, counting, "x")
    assert calls == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no", None])
def test_a_damaged_file_is_made_again(tmp_path, damage):
    calls = []
    store = FeatureStore(tmp_path, "a" * 64, 2)
    store.get(KEYS, compute(calls), "x")
    (path,) = store.folder.glob("*.npz")
    path.write_bytes(path.read_bytes()[:-30] if damage is None else damage)
    assert store.get(KEYS, compute(calls), "x")[:, 0].tolist() == [0, 1, 0, 3]
    assert len(calls) == 2
