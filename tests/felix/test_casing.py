import pytest

from nonet.felix.casing import Casing, ends_sentence
from nonet.foundation.errors import ArtifactError


def test_forms_are_counted_inside_sentences_only():
    casing = Casing.learn(["Dogs bark at London. Dogs like dogs.", "In London dogs bark. NASA and NASA."])
    assert casing.inside("london") == "London"
    assert casing.inside("nasa") == "NASA"
    assert casing.inside("dogs") == "dogs"
    assert casing.lowered("Dogs", "") == "dogs"
    assert casing.lowered("London", "") == "London"
    assert casing.lowered("Unheard", "") == "Unheard"
    assert casing.lowered("Unheard", "An unheard thing.") == "unheard"
    assert casing.sentences


def test_a_set_in_small_letters_teaches_no_capitals():
    casing = Casing.learn(["dogs bark . cats sleep ."])
    assert not casing.sentences
    assert casing.inside("i") == "i"


def test_it_comes_back_from_json():
    casing = Casing.learn(["We saw Anna."])
    assert Casing.from_json(casing.to_json()) == casing
    with pytest.raises(ArtifactError, match="damaged"):
        Casing.from_json("[]")


@pytest.mark.parametrize(("text", "ends"), [("He left. ", True), ('"Go!" ', True), ("e.g", False), ("a, ", False)])
def test_where_sentences_end(text, ends):
    assert ends_sentence(text) is ends
