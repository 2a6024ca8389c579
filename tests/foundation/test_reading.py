import bz2
import gzip

import pytest

from nonet.foundation.errors import ArtifactError, DataError
from nonet.foundation.reading import made_sense_of, parse_json, unpack


@pytest.mark.parametrize("text", ["", "{", "[1,]", "1" + "0" * 5000, b"\xff\xfe\x00", "[" * 10**5, '{"a":' * 10**5])
def test_whatever_is_no_json_is_one_kind_of_error(text):
    with pytest.raises(ValueError):
        parse_json(text)


@pytest.mark.parametrize(("kind", "pack"), [("gzip", gzip.compress), ("bz2", bz2.compress)])
def test_what_unpacks_to_more_than_is_accepted_is_refused(kind, pack):
    assert unpack(pack(b"words"), kind, 5) == b"words"
    with pytest.raises(ValueError, match="more than 4 bytes"):
        unpack(pack(b"words"), kind, 4)
    bomb = pack(bytes(2**24)) * 200  # members follow one another: 3.4 GB
    with pytest.raises(ValueError, match="more than"):
        unpack(bomb, kind, 2**20)
    with pytest.raises(ValueError):
        unpack(pack(b"words")[:-6], kind, 5)
    with pytest.raises(ValueError):
        unpack(b"words", kind, 5)


def test_taking_apart_what_was_read_fails_with_the_place_and_the_reason():
    said = r"a\.json: This is no map \(KeyError: 'rows'\)\. Make it again\."
    sense = made_sense_of("a.json", ArtifactError, what="This is no map", fix="Make it again.")
    with pytest.raises(ArtifactError, match=said), sense:
        {}["rows"]
    with pytest.raises(DataError, match="as it was"), made_sense_of("a.json", what="This is no map"):
        raise DataError("as it was")
    with pytest.raises(KeyboardInterrupt), made_sense_of("a.json", what="This is no map"):
        raise KeyboardInterrupt
