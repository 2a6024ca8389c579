import numpy as np
import torch

from nonet.felix.batches import TokenRows, by_length, padded, present


def test_an_epoch_reads_every_row_once_in_batches_of_similar_length():
    lengths = np.random.default_rng(0).integers(4, 60, size=203)
    rows = TokenRows(list(range(203)), lengths.tolist(), batch=10)
    order = rows.epoch_order(seed=1, epoch=0)
    assert sorted(order) == list(range(203))
    ordered = lengths[order[:200]].reshape(20, 10)
    drawn = lengths[np.random.default_rng(2).permutation(203)[:200]].reshape(20, 10)
    assert ordered.max(axis=1).sum() < 0.75 * drawn.max(axis=1).sum()


def test_epochs_differ_and_a_seed_tells_their_order():
    rows = TokenRows(list(range(64)), [5] * 64, batch=8)
    first = rows.epoch_order(0, 0)
    assert first.tolist() == rows.epoch_order(0, 0).tolist()
    assert first.tolist() != rows.epoch_order(0, 1).tolist()
    assert first.tolist() != rows.epoch_order(1, 0).tolist()


def test_rows_fewer_than_a_batch_are_all_there():
    assert sorted(TokenRows([7, 8], [1, 1], batch=1).epoch_order(0, 0)) == [0, 1]
    assert len(TokenRows([7, 8], [1, 1], batch=2)) == 2


def test_padding_is_told_from_tokens():
    rows = [(3, 4, 5), (6,)]
    assert padded(rows, 9).tolist() == [[3, 4, 5], [6, 9, 9]]
    assert torch.equal(present(rows), torch.tensor([[True, True, True], [True, False, False]]))


def test_a_batch_has_no_more_tokens_than_allowed():
    items = ["a" * n for n in (9, 1, 5, 5, 2, 30)]
    found = list(by_length(items, len, most=10))
    assert sorted(n for batch in found for n in batch) == list(range(6))
    assert all(len(batch) == 1 or len(batch) * max(len(items[n]) for n in batch) <= 10 for batch in found)
