import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nonet.align.index import Index
from nonet.align.segments import Picture
from nonet.foundation.errors import ArtifactError, ResourceError, UsageError

DIM = 12


def vectors(n: int, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def pictures(n: int, start: int = 0) -> list[Picture]:
    return [Picture(f"/p/{i}.png", "/p", f"{i:064x}", (f"caption {i}", "é"), 4, 3) for i in range(start, start + n)]


def new(folder: Path) -> Index:
    return Index.create(folder, fingerprint="abc", model="/model", dim=DIM)


def test_what_is_added_is_found_again_after_opening(tmp_path: Path) -> None:
    values = vectors(2500)
    index = new(tmp_path / "index")
    assert index.add(values[:1500], pictures(1500)) == list(range(1500))
    assert index.add(values[1500:], pictures(1000, 1500)) == list(range(1500, 2500))
    snapshot = Index.open(tmp_path / "index").snapshot()
    hits = snapshot.search(values[[3, 2400]], 2)
    assert hits.ids[:, 0].tolist() == [3, 2400]
    np.testing.assert_allclose(hits.scores[:, 0], 1, atol=2e-3)
    assert snapshot.pictures([3, 2400, 99_999]) == {3: pictures(2500)[3], 2400: pictures(2500)[2400]}
    np.testing.assert_allclose(snapshot.vectors([2400])[2400], values[2400], atol=1e-3)
    assert len(snapshot) == 2500


def test_other_tools_read_the_files(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    index = new(tmp_path / "index")
    index.add(vectors(7), pictures(7))
    (segment,) = (tmp_path / "index" / "segments").iterdir()
    assert np.load(segment / "vectors.npy").dtype == np.float16
    assert pq.read_table(segment / "rows.parquet")["path"].to_pylist()[6] == "/p/6.png"
    assert json.loads((tmp_path / "index" / "manifest.json").read_text())["segments"][0]["rows"] == 7


def test_deleted_and_excluded_pictures_are_not_found_and_others_fill_their_place(tmp_path: Path) -> None:
    values = vectors(30)
    index = new(tmp_path / "index")
    index.add(values, pictures(30))
    before = index.snapshot().search(values[:1], 30).ids[0].tolist()
    assert index.delete([before[0], before[2], 500]) == 2
    assert index.delete([before[0]]) == 0
    after = index.snapshot().search(values[:1], 30, exclude=[before[1], 777]).ids[0].tolist()
    assert after == [id for id in before if id not in {before[0], before[1], before[2]}]
    assert index.snapshot().pictures(before[:3]).keys() == {before[1]}


def test_a_snapshot_outlives_deletion_and_compaction(tmp_path: Path) -> None:
    values = vectors(3000)
    index = new(tmp_path / "index")
    index.add(values, pictures(3000))
    old = index.snapshot()
    index.delete(range(0, 3000, 2))
    index.compact()
    assert len(list((tmp_path / "index" / "segments").iterdir())) == 1
    assert old.search(values[[1000]], 1).ids[0, 0] == 1000
    assert old.pictures([1000])[1000].path == "/p/1000.png"
    new_state = index.snapshot()
    assert len(new_state) == 1500
    assert new_state.search(values[[1001]], 1).ids[0, 0] == 1001
    assert new_state.pictures([1000, 2999]) == {2999: pictures(3000)[2999]}


def test_an_open_index_sees_what_another_writes(tmp_path: Path) -> None:
    reader = new(tmp_path / "index")
    writer = Index.open(tmp_path / "index")
    writer.add(vectors(3), pictures(3))
    assert len(reader.snapshot()) == 3
    writer.delete([0, 1, 2])
    assert len(reader.snapshot()) == 0
    assert reader.snapshot().search(vectors(1), 5).ids.shape == (1, 0)


def test_replacing_is_one_step_and_ids_are_never_reused(tmp_path: Path) -> None:
    index = new(tmp_path / "index")
    first = index.add(vectors(4), pictures(4))
    second = index.add(vectors(4, 1), pictures(4), replacing=first)
    assert set(first).isdisjoint(second)
    assert len(index.snapshot()) == 4
    index.delete(second)
    index.compact()
    assert index.add(vectors(1), pictures(1)) == [8]


class AgainstADictionary(RuleBasedStateMachine):
    """Any order of adding, deleting, compacting and opening again gives what a dictionary would hold."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.home = tempfile.TemporaryDirectory()
        self.index = new(Path(self.home.name) / "index")
        self.held: dict[int, tuple[np.ndarray, Picture]] = {}
        self.made = 0

    @rule(n=st.integers(0, 40))
    def add(self, n: int) -> None:
        values, rows = vectors(n, self.made), pictures(n, self.made)
        ids = self.index.add(values, rows)
        self.held |= dict(zip(ids, zip(values, rows, strict=True), strict=True))
        self.made += n

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.integers(0, self.made + 3), max_size=20))
        assert self.index.delete(chosen) == len(set(chosen) & self.held.keys())
        for id in chosen:
            self.held.pop(id, None)

    @rule()
    def compact(self) -> None:
        self.index.compact()

    @rule()
    def open_again(self) -> None:
        self.index = Index.open(self.index.folder)

    @invariant()
    def holds_the_same(self) -> None:
        snapshot = self.index.snapshot()
        assert snapshot.pictures(range(self.made + 1)) == {id: row for id, (_, row) in self.held.items()}
        query = vectors(1, 12345)
        hits = snapshot.search(query, 5)
        scores = {
            id: float((value.astype(np.float16).astype(np.float32) * query[0]).sum())
            for id, (value, _) in self.held.items()
        }
        expected = sorted(scores.values(), reverse=True)[:5]
        np.testing.assert_allclose(hits.scores[0], expected, atol=1e-5)
        assert [path for _, path in snapshot.columns("path")] == [row.path for _, (_, row) in sorted(self.held.items())]

    def teardown(self) -> None:
        self.home.cleanup()


TestAgainstADictionary = AgainstADictionary.TestCase
TestAgainstADictionary.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)


@pytest.mark.slow
def test_killed_at_any_moment_the_index_is_whole(tmp_path: Path) -> None:
    """A process adds, deletes and compacts without pause; it is killed; the index opens and is consistent."""
    folder = tmp_path / "index"
    new(folder)
    script = textwrap.dedent(
        f"""
        import sys; sys.path[:0] = {sys.path!r}
        from pathlib import Path
        from tests_index_helpers import vectors, pictures
        from nonet.align.index import Index
        index = Index.open(Path({str(folder)!r}))
        print("ready", flush=True)
        start = index.snapshot().manifest.next_id
        while True:
            ids = index.add(vectors(200, start), pictures(200, start))
            index.delete(ids[::3])
            index.compact()
            start += 200
        """
    )
    (tmp_path / "tests_index_helpers.py").write_text(
        Path(__file__).read_text().partition("def new(")[0]  # the two makers above
    )
    for delay in (0.0, 0.013, 0.031, 0.05):
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        index = Index.open(folder)
        snapshot = index.snapshot()
        ids = [id for id, _ in snapshot.columns("path")]
        assert len(ids) == len(snapshot) == len(snapshot.pictures(ids))
        assert all(row.path == f"/p/{id}.png" for id, row in snapshot.pictures(ids).items())
        index.add(vectors(1), [Picture(f"/p/{snapshot.manifest.next_id}.png", "/p", "0")])  # and can be written to
        named = {entry.name for entry in index.snapshot().manifest.segments}
        assert {path.name for path in (folder / "segments").iterdir()} == named  # leftovers are gone


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    index = new(tmp_path / "index")
    with FileLock(tmp_path / "index" / "lock"), pytest.raises(ResourceError, match="Another process"):
        index.add(vectors(1), pictures(1))


def test_a_full_disk_leaves_the_former_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = new(tmp_path / "index")
    index.add(vectors(5), pictures(5))

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("nonet.align.manifest.replace_file", full)
        with pytest.raises(OSError, match="No space"):
            index.add(vectors(5, 1), pictures(5, 5))
    assert len(Index.open(tmp_path / "index").snapshot()) == 5
    index.add(vectors(1, 2), pictures(1, 5))
    assert len(list((tmp_path / "index" / "segments").iterdir())) == 2


@pytest.mark.parametrize("k", [0, -3])
def test_no_results_cannot_be_asked_for(tmp_path: Path, k: int) -> None:
    index = new(tmp_path / "index")
    with pytest.raises(UsageError, match="at least 1"):
        index.snapshot().search(vectors(1), k)


def test_vectors_of_another_size_or_not_finite_are_refused(tmp_path: Path) -> None:
    index = new(tmp_path / "index")
    with pytest.raises(ArtifactError, match="dimension 12"):
        index.add(np.zeros((1, 5), np.float32), pictures(1))
    with pytest.raises(ArtifactError, match="not finite"):
        index.add(np.full((1, DIM), np.nan, np.float32), pictures(1))
    with pytest.raises(ArtifactError, match="5 numbers"):
        index.snapshot().search(np.zeros((1, 5), np.float32), 1)


def test_missing_and_foreign_folders(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no index here"):
        Index.open(tmp_path / "nowhere")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear")
    with pytest.raises(ArtifactError, match="not an index"):
        Index.open(tmp_path / "letters")
    with pytest.raises(UsageError, match="not empty"):
        new(tmp_path / "letters")
    assert (tmp_path / "letters" / "a.txt").read_text() == "dear"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '"x"',
        "{}",
        '{"format": "other", "version": 1}',
        '{"format": "nonet align index", "version": 2}',
        '{"format": "nonet align index", "version": 1, "segments": 3}',
        '{"format": "nonet align index", "version": 1, "segments": [], "fingerprint": 1, "model": "", "dim": 3}',
        '{"format": "nonet align index", "version": 1, "segments": [], "fingerprint": "", "model": "", "dim": "x"}',
        '{"format": "nonet align index", "version": 1, "fingerprint": "", "model": "", "dim": 3,'
        ' "segments": [{"name": "../../x", "rows": 1}]}',
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path: Path, content: str) -> None:
    new(tmp_path / "index")
    (tmp_path / "index" / "manifest.json").write_text(content)
    with pytest.raises(ArtifactError, match="cannot be used"):
        Index.open(tmp_path / "index")


@pytest.mark.parametrize("name", ["vectors.npy", "ids.npy", "rows.parquet"])
@pytest.mark.parametrize("damage", ["cut", "emptied", "foreign", "gone"])
def test_a_damaged_segment_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    index = new(tmp_path / "index")
    index.add(vectors(50), pictures(50))
    path = next((tmp_path / "index" / "segments").iterdir()) / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": content[: len(content) // 2], "emptied": b"", "foreign": b"GIF89a" * 99}[damage])
    with pytest.raises(ArtifactError, match="missing" if damage == "gone" else "damaged") as caught:
        Index.open(tmp_path / "index")
    assert name in str(caught.value)


def test_damage_that_only_reading_finds_is_told_too(tmp_path: Path) -> None:
    index = new(tmp_path / "index")
    index.add(vectors(50), pictures(50))
    path = next((tmp_path / "index" / "segments").iterdir()) / "rows.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 400 + content[404:])  # pages, not the footer
    (segment,) = Index.open(tmp_path / "index").snapshot().live_segments()
    with pytest.raises(ArtifactError, match="damaged") as caught:
        list(segment.batches())
    assert "rows.parquet" in str(caught.value)
