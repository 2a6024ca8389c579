from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from align.fakes import COLOURS, ColourModel, paint
from nonet.align.indexing import open_or_create, update
from nonet.align.listing import list_pictures
from nonet.align.search import Indexed, PictureFile, Query, Searcher, Words
from nonet.foundation.errors import ArtifactError, DataError, UsageError


@pytest.fixture
def searcher(tmp_path: Path) -> Searcher:
    for colour in COLOURS:
        paint(tmp_path / "photos" / f"{colour}.png", colour)
    model = ColourModel()
    index = open_or_create(tmp_path / "index", model, tmp_path / "model")
    update(index, model, list_pictures(tmp_path / "photos"))
    return Searcher(index, model)


def names(searcher: Searcher, query: Query, k: int = 1, offset: int = 0) -> list[str]:
    return [Path(result.picture.path).stem for result in searcher.search(query, k, offset).results]


def id_of(searcher: Searcher, name: str) -> int:
    return next(id for id, path in searcher.index.snapshot().columns("path") if Path(path).stem == name)


def test_words_find_their_picture_with_its_cosine(searcher: Searcher) -> None:
    answer = searcher.search(Query((Words("blue"),)), 3)
    assert Path(answer.results[0].picture.path).name == "blue.png"
    assert answer.results[0].score == pytest.approx(1, abs=2e-3)
    assert answer.total == len(COLOURS)


def test_words_and_pictures_add_up_and_are_taken_away(searcher: Searcher, tmp_path: Path) -> None:
    assert names(searcher, Query((Words("red"), Words("green")))) == ["yellow"]
    red = PictureFile(tmp_path / "photos" / "red.png")
    # red + blue = magenta, magenta - red = blue
    assert names(searcher, Query((red, Words("blue")), text_weight=1.0)) == ["magenta"]
    assert names(searcher, Query((Words("magenta"),), (red,), text_weight=1.0)) == ["blue"]


def test_more_like_this_leaves_the_picture_itself_out(searcher: Searcher) -> None:
    found = names(searcher, Query((Indexed(id_of(searcher, "red")),)), 99)
    assert "red" not in found
    assert len(found) == len(COLOURS) - 1


def test_pages_follow_each_other(searcher: Searcher) -> None:
    whole = names(searcher, Query((Words("red"),)), 8)
    assert [*names(searcher, Query((Words("red"),)), 3), *names(searcher, Query((Words("red"),)), 5, 3)] == whole
    assert names(searcher, Query((Words("red"),)), 5, 1000) == []


def test_a_query_is_embedded_once(searcher: Searcher, tmp_path: Path) -> None:
    model = searcher._embedder
    assert isinstance(model, ColourModel)
    seen = model.pictures_seen
    query = Query((Words("something"), PictureFile(tmp_path / "photos" / "red.png")))
    assert names(searcher, query, 3) == names(searcher, query, 3)
    assert (model.texts_seen, model.pictures_seen - seen) == (1, 1)


def test_threads_agree(searcher: Searcher) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: names(searcher, Query((Words(list(COLOURS)[n % 8]),))), range(64)))
    assert [[list(COLOURS)[n % 8]] for n in range(64)] == found


def test_a_picture_deleted_after_indexing_is_shown_as_missing(searcher: Searcher, tmp_path: Path) -> None:
    (tmp_path / "photos" / "red.png").unlink()
    present = {
        Path(result.picture.path).stem: result.present for result in searcher.search(Query((Words("red"),)), 8).results
    }
    assert present == {name: name != "red" for name in COLOURS}


def test_queries_that_mean_nothing(searcher: Searcher, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="something to look for"):
        searcher.search(Query((), (Words("red"),)), 1)
    with pytest.raises(UsageError, match="cancel"):
        searcher.search(Query((Words("red"),), (Words("red"),)), 1)
    with pytest.raises(UsageError, match="at least 1"):
        searcher.search(Query((Words("red"),)), 0)
    with pytest.raises(DataError, match="not in the index"):
        searcher.search(Query((Indexed(12345),)), 1)
    with pytest.raises(DataError, match="cannot be read"):
        searcher.search(Query((PictureFile(tmp_path / "nowhere.png"),)), 1)


def test_a_model_that_is_gone_or_another_is_refused(searcher: Searcher, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="model of this index is not here"):
        Searcher.open(tmp_path / "index")
    with pytest.raises(ArtifactError, match="another model"):
        Searcher(searcher.index, ColourModel("other"))
