"""What every test may use: an isolated cache, real data where NONET_DATA names it, one thread per library."""

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import shown

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

    from browsing import Opener

_RUNS = "NONET_COMMANDS_RUN"
"""The variable with the folder where each process of pytest notes the commands that its tests ran."""
_NOT_RUN = pytest.StashKey[list[str]]()
_OWN = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    # a job in the background starts with Ctrl-C ignored, and so would the processes that tests interrupt
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # tests of jax compile many small programs and run each a few times: most of their time was optimisation by XLA.
    # Processes that tests start inherit it, so that their bytes can be compared
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")
    # never the user's own cache; kept between runs, so that models are unpacked once
    os.environ.setdefault("NONET_CACHE", str(config.rootpath / ".pytest_cache" / "nonet"))
    if _RUNS not in os.environ:  # a folder that was named stays
        os.environ[_RUNS] = tempfile.mkdtemp(prefix="nonet-commands-")
        config.stash[_OWN] = True


def pytest_sessionstart(session: pytest.Session) -> None:
    shown.note_runs(Path(os.environ[_RUNS]) / f"{os.getpid()}.jsonl")


def _ran_all(config: pytest.Config) -> bool:
    """Whether every test had its chance: nothing was chosen, and the data and programs that some need are here."""
    choices = ("keyword", "markexpr", "collectonly", "deselect", "lf", "stepwise")
    chosen = any(getattr(config.option, choice, None) for choice in choices)
    whole = not chosen and config.args_source is not pytest.Config.ArgsSource.ARGS
    programs = all(shutil.which(name) for name in ("chromium", "java"))
    return bool(whole and programs and os.environ.get("NONET_DATA"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        return
    folder = Path(os.environ[_RUNS])
    if _ran_all(session.config) and not session.shouldfail and not session.shouldstop:
        session.config.stash[_NOT_RUN] = shown.not_run(shown.shown_commands(), shown.read_runs(folder))
        if session.config.stash[_NOT_RUN] and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if session.config.stash.get(_OWN, False):
        shutil.rmtree(folder, ignore_errors=True)


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    told = config.stash.get(_NOT_RUN, [])
    if told:
        terminalreporter.section("commands of the docs that no test ran", red=True)
        for line in told:
            terminalreporter.line(line)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where slow tests are left out, a file of slow tests only is not even imported: that is what takes longest."""
    left_out = "not slow" in (config.option.markexpr or "") and collection_path.name.startswith("test_")
    return (
        True
        if left_out and re.search(r"^pytestmark = .*mark\.slow", collection_path.read_text("utf-8"), re.M)
        else None
    )


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets."""
    named = os.environ.get("NONET_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip("NONET_DATA does not name a folder of real data")
    return Path(named)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NONET_CACHE", str(folder))
    return folder


_SPARK = """\
spark.ui.enabled false
spark.sql.shuffle.partitions 1
spark.sql.adaptive.enabled false
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.driver.memory 700m
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
"""


@pytest.fixture
def local_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Spark master on this machine, with settings for a few rows: to compile for them takes longer than to run."""
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    (tmp_path / "spark").mkdir()
    (tmp_path / "spark" / "spark-defaults.conf").write_text(_SPARK)
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path / "spark"))
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    return "local[1]"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """An application without folders; a test file that serves some has an address of its own."""
    from nonet.web import create_app
    from serving import running

    with running(create_app({})) as at:
        yield at


@pytest.fixture(scope="module")  # while it runs, no other test of this process can start an event loop
def play() -> "Iterator[Playwright]":
    """What starts browsers."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=90_000)  # a busy machine draws slowly
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(play: "Playwright") -> "Iterator[Browser]":
    """The system's Chromium."""
    from browsing import chromium

    opened = chromium(play)
    yield opened
    opened.close()


@pytest.fixture
def opened(browser: "Browser", address: str) -> "Opener":
    """Opens paths of the application that a test file serves at its `address`, in pages that may not complain."""
    from browsing import quiet_page

    def opener(path: str = "/", at: str = address, **how: object):
        return quiet_page(browser, at, path, **how)  # type: ignore[arg-type]

    return opener
