"""The whole application with tiny folders, in a house of its own: whatever is asked may change it."""

from pathlib import Path

import pytest
from fastapi import FastAPI

from house import build
from nonet.web import create_app


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What each wing serves."""
    return build(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="session")
def app(sources: dict[str, Path]) -> FastAPI:
    """All nine wings mounted."""
    return create_app(sources, simulate=True)
