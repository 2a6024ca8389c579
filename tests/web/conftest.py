"""The whole application: nine wings served from small folders."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from house import build
from nonet.web import create_app
from serving import running


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-gallery", metavar="HOUSE", help="write docs/gallery/ from the folders in HOUSE")


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What is served, by wing."""
    return build(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="session")
def address(house: dict[str, Path]) -> Iterator[str]:
    """The application with all nine wings."""
    with running(create_app(house, simulate=True)) as at:
        yield at
