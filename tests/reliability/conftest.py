"""The whole application with tiny folders."""

import pytest
from fastapi import FastAPI

from house import build
from nonet.web import create_app


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """All nine wings mounted, in a house of their own: whatever is asked may change it."""
    return create_app(build(tmp_path_factory.mktemp("house")), simulate=True)
