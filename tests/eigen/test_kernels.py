import os
import subprocess
import sys

import numpy as np
import pytest

from nonet import eigen
from nonet.eigen import compute, kernels
from nonet.eigen.evaluate import matrix_classes
from nonet.foundation.errors import UsageError


def _marked(matrices):
    entries = np.ascontiguousarray(matrices).ravel()
    marked = np.empty(len(matrices), np.bool_)
    kernels.general_rows(entries, np.empty(entries.size), None, marked)
    return marked.mean()


def test_only_hard_rows_are_done_twice():
    classes = matrix_classes(20000, 0)
    assert _marked(classes["normal"]) == 0
    assert _marked(classes["covariance, condition 1e4 to 1e12"]) < 0.05
    assert _marked(np.zeros((100, 2, 2))) == 0
    for extreme in ("× 1e200", "× 1e-200", "subnormal"):
        assert _marked(classes[extreme]) == 1


@pytest.mark.slow
def test_the_careful_path_agrees_with_the_fast_one_where_both_apply():
    rng = np.random.default_rng(1)
    a, b, c, d = rng.standard_normal((4, 3000))
    fast, half = compute.real_pairs((a, b, c, d), half=True)
    found = compute.real_spectrum(compute.NUMPY, a, d, [(b, c)])
    assert ((found.half < 0) == (half < 0)).all()
    np.testing.assert_allclose(half, found.half, rtol=5e-16)
    real = half > 0
    np.testing.assert_allclose(fast[real, 0].real, found.low[real], rtol=1e-15)
    np.testing.assert_allclose(fast[real, 1].real, found.high[real], rtol=1e-15)


@pytest.mark.slow
def test_workers_change_no_bit(monkeypatch):
    monkeypatch.setattr(compute, "_SHARE", 100)
    classes = matrix_classes(150, 2)
    matrices = np.concatenate([classes[name] for name in ("normal", "× 1e200", "subnormal", "small integers")])
    a, b, _, d = np.ascontiguousarray(matrices.reshape(-1, 4).T)
    for workers in (2, 5, 1000):
        np.testing.assert_array_equal(eigen.eigvals(matrices, workers=workers), eigen.eigvals(matrices))
        np.testing.assert_array_equal(eigen.eigvalsh(matrices, workers=workers), eigen.eigvalsh(matrices))
        np.testing.assert_array_equal(eigen.eigvalsh(a, b, d, workers=workers), eigen.eigvalsh(a, b, d))
    with pytest.raises(UsageError, match="0 workers"):
        eigen.eigvals(matrices, workers=0)


@pytest.mark.slow
def test_it_works_where_no_cache_can_be_written(tmp_path):
    code = (
        "import numba.core.caching as caching\n"
        "def none(*args, **options): return None\n"
        "for locator in caching.CacheImpl._locator_classes: locator.from_function = classmethod(none)\n"
        "from nonet import eigen; print(eigen.eigvals(8, 4, 2, 6).real.tolist())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.stdout == "[4.0, 10.0]\n", done.stderr
