import pytest

from nonet.foundation.errors import DataError, MissingError, UsageError
from nonet.foundation.hub import named_encoder


def load(name, error):
    with named_encoder(name, needs="a.bin", else_name="a folder"):
        raise error


def test_what_fails_is_told_by_what_the_name_may_be(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        load("./nowhere", AssertionError("is never reached"))
    with pytest.raises(DataError, match=r"holds no encoder that can be loaded \(first\)\. It needs a\.bin\."):
        load(str(tmp_path), OSError("first\nsecond"))
    with pytest.raises(MissingError, match=r"the model hub did not give a model of that id .* name a folder"):
        load("somebody/bert", ConnectionError("no network"))
    with pytest.raises(UsageError, match="of ours"):
        load("somebody/bert", UsageError("An error of ours."))
