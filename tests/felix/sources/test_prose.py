import pytest

from nonet.felix.sources.prose import _prose, folder_documents, wikipedia
from nonet.foundation.errors import DataError

MARKUP = """\
{{Infobox|a={{nested|b}}}}
'''Anarchism''' is a [[politics|philosophy of politics]] that holds any [[state]] undesirable, <ref>x</ref>or bad ( ).
== Heading ==
* a list item that is long enough to be a paragraph, but is none, since it is an item of a list of things
[[File:A.jpg|thumb|A picture of [[something]]]]
Short.
"""


def test_markup_is_taken_off():
    assert list(_prose(MARKUP)) == ["Anarchism is a philosophy of politics that holds any state undesirable, or bad."]


@pytest.mark.slow
def test_the_packaged_articles_are_prose():
    documents = list(wikipedia())
    assert len(documents) == 106
    text = "\n".join(p for d in documents for p in d.paragraphs)
    assert len(text) > 2_000_000
    assert not any(sign in text for sign in ("{{", "[[", "<ref", "'''"))


def test_a_folder_of_texts(tmp_path):
    (tmp_path / "a.txt").write_text("One\nparagraph.\n\nAnother.\n")
    assert [d.paragraphs for d in folder_documents(tmp_path)] == [("One paragraph.", "Another.")]
    assert [d.paragraphs for d in folder_documents(tmp_path / "a.txt")] == [("One paragraph.", "Another.")]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no text file"):
        list(folder_documents(tmp_path / "empty"))
