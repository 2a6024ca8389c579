import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from nonet import eigen
from nonet.eigen.evaluate import accuracy

pytestmark = pytest.mark.slow  # each compiles


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def _matrices(count=3):
    return jnp.asarray(np.random.default_rng(0).standard_normal((count, 2, 2)))


FUNCTIONS = {
    "eigvals": lambda x: (eigen.eigvals(x).real, eigen.eigvals(x).imag),
    "eigvalsh": eigen.eigvalsh,
    "eigh": lambda x: eigen.eigh(x).eigenvectors,
    "condition": eigen.condition,
    "orientation": eigen.orientation,
    "ellipse": lambda x: eigen.ellipse(x @ jnp.swapaxes(x, -1, -2)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_off_the_degenerate_set(name):
    check_grads(jax.jit(FUNCTIONS[name]), (_matrices(),), order=1, modes=("rev",), rtol=1e-4)


@pytest.mark.slow
def test_compiled_code_is_as_accurate_as_the_rest():
    compiled = jax.jit(eigen.eigvals)
    for row in accuracy(60, 4, {"jax": lambda x: np.asarray(compiled(jnp.asarray(x)))}):
        if row.name not in ("subnormal", "any exponents"):  # XLA takes subnormal numbers for 0 on processors
            assert row.units["jax"] <= 4, row.name
            assert row.misjudged["jax"] == 0, row.name


@pytest.mark.slow
def test_mapping_and_compiling_change_nothing():
    x = _matrices(6)
    right = np.asarray(jax.jit(eigen.eigvals)(x))
    assert (np.asarray(jax.jit(jax.vmap(eigen.eigvals))(x)) == right).all()
    np.testing.assert_allclose(right, eigen.eigvals(np.asarray(x)), rtol=1e-15)
    np.testing.assert_allclose(jax.jit(eigen.eigvalsh)(x), eigen.eigvalsh(np.asarray(x)), rtol=1e-15)


@pytest.mark.slow
def test_gradients_at_double_roots_are_those_of_the_mean():
    weights = jnp.array([1.0, 2.0])
    differentiated = jax.jit(jax.grad(lambda x: (eigen.eigvals(x).real * weights).sum()))
    for matrix in (jnp.eye(2), jnp.array([[1.0, 1], [0, 1]])):
        gradient = differentiated(matrix)
        assert gradient.tolist() == [[1.5, 0], [0, 1.5]]
    for function in (lambda x: eigen.eigh(x).eigenvectors.sum(), eigen.orientation, eigen.condition):
        assert jnp.isfinite(jax.jit(jax.grad(function))(jnp.eye(2))).all()


@pytest.mark.slow
def test_single_precision_works_where_double_is_off():
    with jax.enable_x64(False):
        compiled = jax.jit(eigen.eigvals)
        found = compiled(jnp.array([[1.0, 1], [1, 1.0001]]))
        assert found.dtype == jnp.complex64
        right = eigen.eigvals(np.array([[1.0, 1], [1, 1.0001]], np.float32))
        np.testing.assert_allclose(found, right, rtol=2e-7)
        assert compiled(jnp.array([[8.0, 4], [2, 6]])).tolist() == [4, 10]
