"""The fingerprint of a tower is remembered only as long as its weights stay."""

import torch

from align.tiny import tiny
from nonet.align.encoders import base
from nonet.align.encoders.base import fingerprint


def afresh(encoder):
    return fingerprint(encoder.describe(), encoder.state_dict())


def test_the_weights_of_a_tower_that_rests_are_read_once(monkeypatch):
    encoder = tiny().image_encoder
    first = encoder.fingerprint()
    assert first == afresh(encoder)
    monkeypatch.setattr(base, "fingerprint", lambda *_: "read again")
    assert encoder.fingerprint() == first


def test_a_step_of_training_and_loaded_weights_are_noticed():
    model, other = tiny(seed=0), tiny(seed=1)
    encoder = model.text_encoder
    seen = [encoder.fingerprint()]
    model.train()
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=0.1, fused=True)  # writes without telling autograd
    for parameter in encoder.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    seen.append(encoder.fingerprint())
    assert seen[-1] == afresh(encoder)
    optimizer.step()
    model.eval()
    seen.append(encoder.fingerprint())
    assert seen[-1] == afresh(encoder)
    model.load_state_dict(other.state_dict())
    assert encoder.fingerprint() == afresh(encoder) == other.text_encoder.fingerprint()
    assert len(set(seen)) == 3
