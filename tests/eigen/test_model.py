import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nonet import eigen
from nonet.eigen.evaluate import matrix_classes
from nonet.eigen.matrices import hermitian_entries
from nonet.eigen.reference import exact, units_off
from nonet.foundation.errors import UsageError

ANY = st.floats(allow_nan=False, allow_infinity=False, width=64)
ORDINARY = st.floats(-1e140, 1e140, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-140)


def _rows(numbers):
    return arrays(np.float64, (20, 4), elements=numbers)


def _assert_close(value, right):
    """Within four units of the last place, or overflown where the right answer is."""
    if np.isinf(float(right)):
        assert value == float(right)
    elif np.isinf(value):
        assert abs(float(right)) > 1.79e308
    else:
        assert units_off(float(value), right) <= 4


@pytest.mark.slow
@given(_rows(ANY))
@settings(max_examples=40, deadline=None)
def test_any_finite_matrix_is_within_four_units_or_overflows(rows):
    found = eigen.eigvals(rows.reshape(-1, 2, 2))
    for row, values in zip(rows, found, strict=True):
        truth = exact(*row)
        assert truth.real == bool((values.imag == 0).all()) or abs(truth.high) < 1e-320
        for value, (real, imaginary) in zip(values, truth.pair, strict=True):
            _assert_close(value.real, real)
            _assert_close(value.imag, imaginary)


@pytest.mark.slow
@given(_rows(ANY))
@settings(max_examples=40, deadline=None)
def test_any_symmetric_matrix_is_within_four_units(rows):
    a, b, d, _ = rows.T
    found = eigen.eigvalsh(a, b, d)
    assert (found[:, 0] <= found[:, 1]).all()
    for i, (low, high) in enumerate(found):
        truth = exact(a[i], b[i], b[i], d[i])
        _assert_close(low, truth.low)
        _assert_close(high, truth.high)


@pytest.mark.slow
@given(_rows(ORDINARY))
@settings(max_examples=15, deadline=None)
def test_transposing_permuting_and_scaling_by_powers_of_two_change_nothing(rows):
    a, b, c, d = rows.T
    values = eigen.eigvals(a, b, c, d)
    assert (eigen.eigvals(a, c, b, d) == values).all()
    assert (eigen.eigvals(a, 8 * b, c / 8, d) == values).all()
    assert (eigen.eigvals(4 * a, 4 * b, 4 * c, 4 * d) == 4 * values).all()
    swapped = eigen.eigvals(d, c, b, a)
    np.testing.assert_allclose(swapped, values, rtol=1e-15)


@pytest.mark.parametrize(
    ("matrix", "values"),
    [
        ([[3, 1], [4, 1]], [2 - 5**0.5, 2 + 5**0.5]),
        ([[8, 4], [2, 6]], [4, 10]),
        ([[2, 7], [1, 8]], [1, 9]),
        ([[2, 3], [2, 4]], [3 - 7**0.5, 3 + 7**0.5]),
        ([[3, 1], [5, 7]], [2, 8]),
        ([[0, -1], [1, 0]], [-1j, 1j]),
        ([[0, -1j], [1j, 0]], [-1, 1]),
        ([[1, 2], [2, 4]], [0, 5]),
        ([[0.6, 0.48 - 0.64j], [0.48 + 0.64j, -0.6]], [-1, 1]),
    ],
)
def test_known_eigenvalues(matrix, values):
    np.testing.assert_allclose(eigen.eigvals(matrix), values, rtol=1e-15, atol=1e-16)


def test_one_unit_decides_between_real_and_complex():
    below, above = np.nextafter(0.25, 0), np.nextafter(0.25, 1)
    # [[1, b], [-1, 0]] has D = 1 - 4b
    assert (eigen.eigvals(1, below, -1, 0).imag == 0).all()
    assert (eigen.eigvals(1, 0.25, -1, 0) == 0.5).all()
    pair = eigen.eigvals(1, above, -1, 0)
    assert pair[0] == np.conj(pair[1])
    assert pair[1].imag > 0


def test_agrees_with_lapack_within_its_condition():
    matrices = matrix_classes(2000, 5)["normal"]
    theirs = np.sort_complex(np.linalg.eigvals(matrices))
    condition = np.linalg.cond(np.linalg.eig(matrices)[1])
    assert (abs(eigen.eigvals(matrices) - theirs).max(-1) < 1e-14 * condition * abs(theirs).max(-1)).all()


def test_rows_that_are_not_finite_are_nan_and_leave_the_others_alone():
    matrices = np.tile(np.array([[2.0, 0], [0, 5]]), (6, 1, 1))
    matrices[1, 0, 0], matrices[2, 0, 1], matrices[3, 1, 1], matrices[4, 1, 0] = np.nan, np.inf, -np.inf, np.nan
    for found in (eigen.eigvals(matrices), eigen.eigvalsh(matrices, UPLO="L"), eigen.eigvals(matrices + 0j)):
        assert (found[[0, 5]] == [2, 5]).all()
        assert np.isnan(found[[1, 3, 4]]).all()
    assert np.isnan(eigen.eigvals(matrices)[2]).all()
    assert (eigen.eigvalsh(matrices)[2] == [2, 5]).all()  # the upper triangle is not read
    assert eigen.eig(matrices).eigenvectors.shape == (6, 2, 2)


def test_zeros_keep_the_sign_of_the_diagonal_and_are_positive_elsewhere():
    assert str(eigen.eigvals(-0.0, 0, 0, 1)[0].real) == "-0.0"
    singular = eigen.eigvals(-1.0, -2, -2, -4)
    assert singular.tolist() == [-5, 0]
    assert str(singular[1].real) == "0.0"
    assert str(singular[1].imag) == "0.0"


def test_overflow_is_infinite_and_nothing_else():
    huge = 1.7e308
    assert eigen.eigvalsh(huge, huge, huge).tolist() == [0, np.inf]
    assert eigen.eigvals(huge, 0, 1, huge).tolist() == [huge, huge]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [np.float32, np.complex64])
def test_single_precision_is_that_of_double_rounded(kind):
    rng = np.random.default_rng(0)
    matrices = rng.standard_normal((500, 2, 2)).astype(kind)
    if kind is np.complex64:
        matrices = (matrices + 1j * rng.standard_normal((500, 2, 2))).astype(kind)
    found = eigen.eigvals(matrices)
    assert found.dtype == np.complex64
    assert (
        found
        == eigen.eigvals(matrices.astype(np.complex128 if kind is np.complex64 else np.float64)).astype(np.complex64)
    ).all()
    assert eigen.eigvalsh(matrices).dtype == np.float32


@pytest.mark.parametrize("kind", ["i4", "u1", "?", ">f8", "f2"])
def test_integers_booleans_and_other_byte_orders_are_taken(kind):
    found = eigen.eigvals(np.array([[1, 1], [1, 1]], kind))
    assert found.tolist() == [0, 1 if kind == "?" else 2] or found.tolist() == [0, 2]
    assert found.dtype == (np.complex64 if kind == "f2" else np.complex128)


@pytest.mark.parametrize(
    "function", [eigen.eigvals, eigen.eig, eigen.eigvalsh, eigen.eigh, eigen.schur, eigen.condition]
)
def test_what_is_no_matrix_is_refused_with_advice(function):
    for wrong in (np.zeros((2, 3)), np.zeros(4), 3.0, np.zeros((2, 2, 3))):
        with pytest.raises(eigen.MatrixError, match=r"not \(\.\.\., 2, 2\)"):
            function(wrong)
    for wrong in (np.array([["a", "b"], ["c", "d"]]), np.array([[None, 1], [2, 3]]), np.zeros((2, 2), np.longdouble)):
        with pytest.raises(ValueError, match="of type"):
            function(wrong)
    with pytest.raises(eigen.MatrixError):
        function([[1, 2], [3]])
    with pytest.raises(UsageError):
        function(1, 2)


def test_entries_are_broadcast_and_must_fit():
    found = eigen.eigvals(np.arange(3.0)[:, None], 0.0, 0.0, np.ones(4))
    assert found.shape == (3, 4, 2)
    with pytest.raises(eigen.MatrixError, match="do not go together"):
        eigen.eigvals(np.ones(3), np.ones(4), 0, 0)


@pytest.mark.parametrize("shape", [(0,), (3, 0), ()])
def test_empty_batches_and_single_matrices(shape):
    matrices = np.zeros((*shape, 2, 2))
    assert eigen.eigvals(matrices).shape == (*shape, 2)
    assert eigen.eigvalsh(matrices).shape == (*shape, 2)
    assert eigen.eig(matrices).eigenvectors.shape == (*shape, 2, 2)
    assert eigen.schur(matrices + 0j).T.shape == (*shape, 2, 2)
    assert eigen.condition(matrices).shape == shape


def test_layouts_give_the_same_numbers():
    matrices = np.random.default_rng(0).standard_normal((7, 5, 2, 2))
    right = eigen.eigvals(matrices)
    assert (eigen.eigvals(np.asfortranarray(matrices)) == right).all()
    assert (eigen.eigvals(matrices[::-1])[::-1] == right).all()
    parts = [matrices[..., i, j] for i in (0, 1) for j in (0, 1)]
    assert (eigen.eigvals(*parts) == right).all()
    frozen = matrices.copy()
    frozen.flags.writeable = False
    assert (eigen.eigvals(frozen) == right).all()
    upper = eigen.eigvalsh(matrices, UPLO="U")
    assert (upper == eigen.eigvalsh(parts[0], parts[1], parts[3])).all()
    assert (upper == eigen.eigvalsh(np.swapaxes(matrices, -1, -2))).all()


def test_a_triangle_that_is_neither_is_refused():
    unchecked = inspect.unwrap(hermitian_entries)  # of the run-time check of annotations, which users do not have
    with pytest.raises(UsageError, match="UPLO is 'l'"):
        unchecked("eigvalsh", (np.eye(2),), "l")


@pytest.mark.slow
def test_symmetric_matrices_of_every_cancellation_are_within_four_units():
    """Traces near zero make the most roundings meet in the smaller eigenvalue."""
    rng = np.random.default_rng(12)
    a, b = rng.uniform(1, 2, 4000), rng.uniform(0.01, 3, 4000)
    d = -a * rng.uniform(0.5, 1.5, 4000)
    for entries, values in zip(zip(a, b, d, strict=True), eigen.eigvalsh(a, b, d), strict=True):
        truth = exact(entries[0], entries[1], entries[1], entries[2])
        _assert_close(values[0], truth.low)
        _assert_close(values[1], truth.high)


SPECIAL = [
    [[1, 0], [0, 1]], [[1, 1], [0, 1]], [[1, 0], [1, 1]], [[0, 0], [0, 0]], [[0, -1], [1, 0]],
    [[2, 0], [0, 1]], [[1, 5], [0, 2]], [[2, 5], [0, 1]], [[3, 1], [-1, 1]], [[1, 1e-9], [0, 1]],
]  # fmt: skip


def _batches():
    normal = np.random.default_rng(6).standard_normal((500, 2, 2))
    return [normal, normal + 1j * normal[::-1], np.array(SPECIAL, float), np.array(SPECIAL) * (1 + 2j)]


@pytest.mark.parametrize("matrices", _batches())
def test_eigenvectors_and_schur_forms_rebuild_the_matrix(matrices):
    values, vectors, _ = eigen.eig(matrices)
    np.testing.assert_allclose(matrices @ vectors, vectors * values[..., None, :], atol=5e-15)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-2), 1, rtol=1e-15)
    T, Z = eigen.schur(matrices)
    adjoint = np.conj(np.swapaxes(Z, -1, -2))
    np.testing.assert_allclose(Z @ T @ adjoint, matrices, atol=1e-14)
    np.testing.assert_allclose(adjoint @ Z, np.broadcast_to(np.eye(2), Z.shape), atol=1e-15)
    pairs = (values.imag != 0).any(-1) & np.isrealobj(matrices)
    assert (T[~pairs, 1, 0] == 0).all()
    assert (T[pairs, 0, 0] == T[pairs, 1, 1]).all()


@pytest.mark.parametrize("matrices", _batches())
def test_hermitian_eigenvectors_are_orthonormal_and_diagonalise(matrices):
    hermitian = matrices + np.conj(np.swapaxes(matrices, -1, -2))
    for UPLO in ("L", "U"):
        values, vectors = eigen.eigh(hermitian, UPLO=UPLO)
        adjoint = np.conj(np.swapaxes(vectors, -1, -2))
        np.testing.assert_allclose(adjoint @ vectors, np.broadcast_to(np.eye(2), vectors.shape), atol=1e-15)
        np.testing.assert_allclose((vectors * values[..., None, :]) @ adjoint, hermitian, atol=1e-14)
    if not np.iscomplexobj(matrices):
        np.testing.assert_allclose(np.linalg.det(vectors), 1, rtol=1e-15)
        assert (vectors[..., 0, 1] >= 0).all()


def test_defective_means_one_direction_exactly():
    assert eigen.eig(np.array(SPECIAL, float)).defective.tolist() == [
        False, True, True, False, False, False, False, False, True, True,
    ]  # fmt: skip
    assert (eigen.eig(np.eye(2)).eigenvectors == np.eye(2)).all()
    assert (eigen.eigh(np.eye(2)).eigenvectors == np.eye(2)).all()
    shear = eigen.eig([[1, 1], [0, 1]]).eigenvectors
    assert (shear == [[1, 1], [0, 0]]).all()


def test_small_components_of_eigenvectors_are_right_too():
    vectors = eigen.eig([[1, 1e-20], [1e-30, 2]]).eigenvectors
    np.testing.assert_allclose(abs(vectors), [[1, 1e-20], [1e-30, 1]], rtol=1e-15)
