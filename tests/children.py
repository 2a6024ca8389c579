"""Runs functions of tests in processes of their own.

They are forked from a clean server: a fork of the test process itself, which has threads by then, may hang.
"""

import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess

import cloudpickle
import torch

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "nonet.foundation.artifact",
        "nonet.foundation.training",
        # each takes seconds to read: with the first optimizer of torch, and with the first text tower
        "torch._dynamo",
        "transformers.models.bert.modeling_bert",
    ]
)


def start(function: Callable[[], object]) -> BaseProcess:
    """Starts a function, which may be a closure of a test, in a process of its own."""
    cloudpickle.register_pickle_by_value(sys.modules[function.__module__])  # the child cannot import test modules
    process = _CONTEXT.Process(target=_call, args=(cloudpickle.dumps(function), torch.get_num_threads()))
    process.start()
    return process


def exit_status(function: Callable[[], object]) -> int:
    """Runs a function to its end; 0, 1 after an exception, or minus the signal that killed it."""
    process = start(function)
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _call(pickled: bytes, threads: int) -> None:
    torch.set_num_threads(threads)  # sums of another number of threads may differ in their last bits
    multiprocessing.set_start_method("fork", force=True)  # what the child starts itself starts as it would elsewhere
    cloudpickle.loads(pickled)()
