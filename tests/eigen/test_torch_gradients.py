import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from nonet import eigen

pytestmark = pytest.mark.slow  # gradients by finite differences

RNG = np.random.default_rng(0)
REAL = torch.tensor(RNG.standard_normal((2, 2, 2)), requires_grad=True)
COMPLEX = torch.tensor(RNG.standard_normal((1, 2, 2)) + 1j * RNG.standard_normal((1, 2, 2)), requires_grad=True)

SMOOTH = {
    "eigvals": eigen.eigvals,
    "eigvalsh": eigen.eigvalsh,
    "eig": lambda x: eigen.eig(x).eigenvectors,
    "eigh": lambda x: eigen.eigh(x).eigenvectors,
    "schur": lambda x: tuple(eigen.schur(x)),
    "condition": eigen.condition,
}
REAL_ONLY = {
    "orientation": eigen.orientation,
    "anisotropy": eigen.anisotropy,
    "ellipse": lambda x: tuple(eigen.ellipse(x @ x.mT)),
    "bcea": lambda x: eigen.bcea(x @ x.mT),
}


@pytest.mark.parametrize("name", [*SMOOTH, *REAL_ONLY])
def test_gradients_and_second_gradients_off_the_degenerate_set(name):
    function = (SMOOTH | REAL_ONLY)[name]
    assert gradcheck(function, (REAL,))
    assert gradgradcheck(function, (REAL,))


@pytest.mark.slow
@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_of_complex_matrices(name):
    assert gradcheck(SMOOTH[name], (COMPLEX,))


DEGENERATE = [
    [[1, 0], [0, 1]],
    [[0, 0], [0, 0]],
    [[1, 1], [0, 1]],
    [[2, 0], [0, 1]],
    [[0, -1], [1, 0]],
    [[1, 1], [1, 1]],
]


@pytest.mark.parametrize("name", [*SMOOTH, *REAL_ONLY])
def test_gradients_are_never_nan(name):
    x = torch.tensor(DEGENERATE, dtype=torch.float64, requires_grad=True)
    found = (SMOOTH | REAL_ONLY)[name](x)
    found = found if isinstance(found, tuple) else (found,)
    total = sum((y.abs() ** 2).sum() if y.is_complex() else torch.where(y.isfinite(), y, 0.0).sum() for y in found)
    (gradient,) = torch.autograd.grad(total, x, create_graph=True)
    assert gradient.isfinite().all()
    (second,) = torch.autograd.grad(gradient.sum(), x, allow_unused=True)
    assert second is None or second.isfinite().all()


def test_at_a_double_root_both_move_as_their_mean():
    x = torch.tensor([[[1.0, 0], [0, 1]], [[1.0, 1], [0, 1]]], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.0, 2.0], dtype=torch.float64)
    (gradient,) = torch.autograd.grad((eigen.eigvals(x).real * weights).sum(), x)
    assert gradient.tolist() == [[[1.5, 0], [0, 1.5]]] * 2


def test_the_same_numbers_and_types_as_numpy():
    for x in (REAL, COMPLEX, REAL.float()):
        array = x.detach().numpy()
        found = eigen.eigvals(x)
        assert found.dtype == (torch.complex64 if x.dtype == torch.float32 else torch.complex128)
        assert (found.detach().numpy() == eigen.eigvals(array)).all()
        assert (eigen.eigvalsh(x).detach().numpy() == eigen.eigvalsh(array)).all()
    assert eigen.eigvals(torch.tensor([[8, 4], [2, 6]])).tolist() == [4, 10]
    assert eigen.eigvals(torch.tensor([8.0]), 4, 2, 6).tolist() == [[4, 10]]
    assert eigen.eigvals(torch.zeros(0, 2, 2)).shape == (0, 2)
    with pytest.raises(eigen.MatrixError):
        eigen.eigvals(torch.zeros(3, 2))


def test_the_path_for_other_devices_gives_the_same_numbers():
    from nonet.eigen.careful import real_spectrum
    from nonet.eigen.namespaces import namespace_of

    a, b, d = (torch.tensor(RNG.standard_normal(200) * 10.0**k) for k in (0, -3, 200))
    found = real_spectrum(namespace_of(a), a, d, [(b, b)])
    right = eigen.eigvalsh(a.numpy(), b.numpy(), d.numpy())
    np.testing.assert_allclose(torch.stack([found.low, found.high], -1).numpy(), right, rtol=5e-16)


def test_it_maps_and_differentiates_forward():
    x = REAL.detach()
    assert (torch.func.vmap(eigen.eigvals)(x) == eigen.eigvals(x)).all()
    assert (torch.func.vmap(eigen.eigvalsh)(x) == eigen.eigvalsh(x)).all()
    forward, backward = torch.func.jacfwd(eigen.eigvalsh)(x[0]), torch.func.jacrev(eigen.eigvalsh)(x[0])
    torch.testing.assert_close(forward, backward)
