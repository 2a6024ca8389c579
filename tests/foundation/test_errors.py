import errno
import pickle

import pytest

from nonet.foundation.errors import ArtifactError, DataError, MissingError, NonetError, ResourceError, readable


def test_a_message_says_where_what_and_what_to_do():
    error = DataError("The row has 3 columns.", where="a.tsv, row 7", fix="Use 2.")
    assert str(error) == "a.tsv, row 7: The row has 3 columns. Use 2."


def test_an_error_crosses_processes_whole():
    error = ArtifactError("Damaged.", where="model", fix="Train again.")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is ArtifactError
    assert (copy.what, copy.where, copy.fix) == ("Damaged.", "model", "Train again.")


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (OSError(errno.ENOSPC, "no space", "x.bin"), ResourceError, "x.bin: The disk is full."),
        (FileNotFoundError(errno.ENOENT, "gone", "y"), ResourceError, "y: There is no such file or folder."),
        (MemoryError(), ResourceError, "memory"),
        (ModuleNotFoundError("no faiss", name="faiss"), MissingError, "'faiss' is not installed"),
    ],
)
def test_the_machines_errors_become_readable(error, kind, said):
    shown = readable(error)
    assert isinstance(shown, kind)
    assert said in str(shown)


@pytest.mark.parametrize("error", [ZeroDivisionError(), ValueError("x"), ModuleNotFoundError("x", name="nonet.zzz")])
def test_defects_stay_defects(error):
    assert readable(error) is None


def test_users_errors_pass_through():
    error = NonetError("said")
    assert readable(error) is error
