import errno
import json
import os
import signal
import subprocess
import sys

import pytest

from nonet.foundation import files
from nonet.foundation.errors import UsageError
from nonet.foundation.files import atomic_folder, atomic_write, readable_folder, replace_file, require_place


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "new" / "words.txt"
    replace_file(path, "ä\r\n")
    assert path.read_bytes() == "ä\r\n".encode()
    path.chmod(0o600)
    with atomic_write(path, "w") as file:
        file.write("b\n")
        assert path.read_bytes() == "ä\r\n".encode(), "the former content stays until the end"
    assert path.read_bytes() == b"b\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_failed_write_changes_nothing(tmp_path):
    path = tmp_path / "words.txt"
    replace_file(path, "former")
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_text() == "former"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to("target")
    replace_file(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "x"


def test_only_the_leftovers_of_dead_writers_are_swept(tmp_path):
    path = tmp_path / "words.txt"
    dead = tmp_path / ".words.txt.partial-00000000"
    dead.write_text("half")
    other = tmp_path / ".other.txt.partial-00000000"
    other.write_text("half")
    with atomic_write(path) as outer:
        replace_file(path, "inner")
        outer.write(b"outer")
    assert path.read_text() == "outer", "the writer that ends last wins and neither disturbs the other"
    assert not dead.exists()
    assert other.exists()


@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_is_replaced_whole(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    folder = tmp_path / "model"
    for content in ("first", "second"):
        with atomic_folder(folder) as partial:
            (partial / "deep").mkdir()
            (partial / "deep" / content).write_text(content)
    assert [path.name for path in folder.rglob("*")] == ["deep", "second"]
    with pytest.raises(RuntimeError), atomic_folder(folder) as partial:
        (partial / "third").write_text("half")
        raise RuntimeError
    assert [path.name for path in folder.rglob("*")] == ["deep", "second"]
    assert list(tmp_path.iterdir()) == [folder]


def test_killed_between_two_renames_the_former_is_found_and_put_back(tmp_path):
    folder = tmp_path / "model"
    with atomic_folder(folder) as partial:
        (partial / "value").write_text("former")
    folder.rename(tmp_path / ".model.former")
    assert (readable_folder(folder) / "value").read_text() == "former"
    with pytest.raises(RuntimeError), atomic_folder(folder):
        raise RuntimeError
    assert (folder / "value").read_text() == "former"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="renameat2 is Linux's")
def test_exchange_has_no_moment_without_a_folder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert files._exchange(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a" / "b").exists()
    assert (tmp_path / "b" / "a").exists()
    with pytest.raises(FileNotFoundError):
        files._exchange(tmp_path / "a", tmp_path / "absent")


def test_a_killed_writer_is_swept_by_the_next(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from nonet.foundation.files import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as file:\n"
        "    file.write(b'half'); file.flush(); print('ready', flush=True); time.sleep(100)"
    )
    path = tmp_path / "words.txt"
    replace_file(path, "former")
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert len(list(tmp_path.iterdir())) == 2
        os.kill(child.pid, signal.SIGKILL)
    assert path.read_text() == "former"
    replace_file(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_text_without_utf8_is_written_as_json_escapes_it(tmp_path):
    replace_file(tmp_path / "a.json", json.dumps({"name": "a\udcff", "is": "ü"}, ensure_ascii=False))
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"name": "a\udcff", "is": "ü"}


def test_a_link_that_leads_to_itself_is_said_to_be_one(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "a")
    with pytest.raises(OSError) as caught:
        replace_file(tmp_path / "a", "x")
    assert caught.value.errno == errno.ELOOP


def test_a_file_is_not_replaced_by_a_folder(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(NotADirectoryError), atomic_folder(tmp_path / "notes.txt"):
        pass
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_without_the_sign_is_not_replaced(tmp_path):
    (tmp_path / "papers").mkdir()
    with atomic_folder(tmp_path / "papers", sign="pairs.json") as partial:  # empty: it may be
        (partial / "pairs.json").write_text("{}")
    with atomic_folder(tmp_path / "papers", sign="pairs.json") as partial:  # its own kind: it may be
        (partial / "pairs.json").write_text("[]")
    assert (tmp_path / "papers" / "pairs.json").read_text() == "[]"
    with pytest.raises(UsageError, match="something else"), atomic_folder(tmp_path / "papers", sign="editor.json"):
        pass
    assert (tmp_path / "papers" / "pairs.json").exists()


def test_a_place_is_looked_at_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    require_place(tmp_path / "new" / "deep", folder=True)
    require_place(tmp_path / "file", folder=False)
    require_place(tmp_path, folder=None)
    for path, folder, code in (
        (tmp_path / "file", True, errno.ENOTDIR),
        (tmp_path, False, errno.EISDIR),
        (tmp_path / "file" / "below", None, errno.ENOTDIR),
    ):
        with pytest.raises(OSError) as caught:
            require_place(path, folder=folder)
        assert caught.value.errno == code


def test_a_folder_that_may_not_be_written_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(PermissionError) as caught:
        require_place(tmp_path / "new" / "deep", folder=True)
    assert caught.value.filename == str(tmp_path)


def test_what_a_writer_killed_after_its_last_rename_left_goes_with_the_next_one(tmp_path):
    (tmp_path / "it").mkdir()
    (tmp_path / ".it.former").mkdir()
    with atomic_folder(tmp_path / "it") as folder:
        (folder / "new").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["it"]
