"""The application that a `nonet serve` command makes, without serving it."""

from unittest import mock

import uvicorn
from fastapi import FastAPI

from nonet import cli


def served(*words: object) -> FastAPI:
    """What `nonet serve WORDS` would serve until Ctrl-C, on a port that is free."""
    with mock.patch.object(uvicorn.Server, "run", autospec=True) as run:
        assert cli.run(["serve", *map(str, words), "--port", "0"]) == 0
    return run.call_args.args[0].config.app
