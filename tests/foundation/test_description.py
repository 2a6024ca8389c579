import pytest

from nonet.foundation.description import read_description
from nonet.foundation.errors import ArtifactError, DataError


def test_a_description_is_read(tmp_path):
    (tmp_path / "pairs.json").write_text('{"format": 1, "name": "toys"}')
    assert read_description(tmp_path, 1, "nonet x pairs") == {"format": 1, "name": "toys"}


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (None, DataError, "holds no pairs. Make one: nonet x pairs --help"),
        ("{", ArtifactError, "damaged"),
        ("[]", ArtifactError, "not a description of pairs"),
        ("{}", ArtifactError, "not a description of pairs"),
        ('{"format": 2}', ArtifactError, "of format 2; this version of nonet reads format 1"),
    ],
)
def test_what_is_no_description_is_said(tmp_path, content, kind, said):
    if content is not None:
        (tmp_path / "pairs.json").write_text(content)
    with pytest.raises(kind, match=said):
        read_description(tmp_path, 1, "nonet x pairs")
    with pytest.raises(DataError, match="no such folder of pairs"):
        read_description(tmp_path / "gone", 1, "nonet x pairs")
