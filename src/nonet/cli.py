"""The command line: finds the command that the words name, and lets ``tyro`` read the rest.

A wing's ``commands.py`` holds ``COMMANDS``: verbs and the functions that they call, or groups of them. The empty verb
is called where the next word names none. Help for a level needs nothing heavier than the docstrings of that level.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn

from nonet import __version__
from nonet.foundation.errors import NonetError, UsageError, readable
from nonet.wings import WINGS, present

__all__ = ["main", "run"]

Command = Callable[..., Any]
Group = Mapping[str, Any]  # verbs: each a Command or a Group again; "" is called where no verb is named

EXIT_FAILED = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

_HELP = {"-h", "--help"}


def serve(
    align: Path | None = None,
    cxc: Path | None = None,
    felix: Path | None = None,
    cka: Path | None = None,
    gaze: Path | None = None,
    recsim: Path | None = None,
    rendezvous: Path | None = None,
    tour: Path | None = None,
    simulate: bool = False,
    host: str = "127.0.0.1",
    port: int = 8000,
) -> None:
    """Serve the web application on this machine.

    Example: nonet serve --align index/

    Args:
        align: an index folder made by `nonet align index`.
        cxc: pairs to rate, made by `nonet cxc select`.
        felix: an editor folder made by `nonet felix train`.
        cka: a report folder made by `nonet cka compare`, or a folder of several.
        gaze: a network made by `nonet gaze train`, or a study's folder with its study.json.
        recsim: a run folder made by `nonet recsim run`, or the folder of `nonet recsim compare --out`.
        rendezvous: a team folder made by `nonet rendezvous train`.
        tour: the folder of `nonet tour --out`; how far it is stands on the home page, its report at /tour/.
        simulate: in the gaze study, let the mouse stand in for the camera.
        host: the address to listen on; 127.0.0.1 is reachable from this machine only.
        port: the port to listen on.
    """
    from nonet import web

    sources = {
        "align": align,
        "cxc": cxc,
        "felix": felix,
        "cka": cka,
        "gaze": gaze,
        "recsim": recsim,
        "rendezvous": rendezvous,
    }
    web.serve(sources, host=host, port=port, simulate=simulate, tour=tour)


def tour(
    out: Path = Path("tour"),
    scale: Literal["minutes", "hours"] = "minutes",
    only: tuple[str, ...] = (),
    data: Path | None = None,
    seed: int = 0,
    workers: int = 0,
) -> None:
    """Re-make the claims of all nine articles, and write one report of what holds here and what does not.

    Every wing's study runs as a process of its own; what an interrupted tour finished is kept, and the same command
    goes on. The exit code is 0 if every study ran, 1 if one failed (the others run to their end all the same).

    Example: nonet tour --out tour/ --only eigen optim

    Args:
        out: a folder for the reports; report.html in it tells all.
        scale: of every study.
        only: wings, such as eigen optim; all by default.
        data: a folder of real data sets as they are downloaded; packaged data are taken without it.
        seed: decides everything random.
        workers: studies at once; 0 for one per core.
    """
    from nonet.foundation import console
    from nonet.tour import TourConfig
    from nonet.tour import tour as run_tour

    state = run_tour(TourConfig(out, scale, only, data, seed, workers))
    console.table(
        ["wing", "state", "holds", "does not", "cannot tell", "remark"],
        [(w.name, w.state, w.claims.holds, w.claims.fails, w.claims.untold, w.note) for w in state.wings],
    )
    console.wrote(out / "report.html")
    if state.of("failed"):
        raise SystemExit(EXIT_FAILED)


def doctor(only: tuple[str, ...] = (), json: bool = False, port: int = 8000) -> None:
    """Tell what is installed, what is missing, and how to get it; the exit code is 1 if a wing lacks what it needs.

    Example: nonet doctor --only align felix

    Args:
        only: the wings to look at; all by default.
        json: print for other programs.
        port: the port that the web application shall listen on.
    """
    from nonet.doctor import examine

    if not examine(only, json, port):
        raise SystemExit(EXIT_FAILED)


_DOORS: Mapping[str, Command] = {"tour": tour, "serve": serve, "doctor": doctor}
"""What is no wing's."""


def main() -> NoReturn:
    """Entry point of the ``nonet`` command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command.

    Args:
        arguments: the words behind ``nonet``.
    Returns:
        The exit code: 0, 1 if a part of a tour failed, 2 for an error of the user's, 130 after Ctrl-C.
    """
    words = [word for word in arguments if word != "--debug"]
    debug = len(words) < len(arguments) or bool(os.environ.get("NONET_DEBUG"))
    try:
        _dispatch(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\nInterrupted. What was finished is kept; the same command goes on from there.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # `nonet … | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except SystemExit as stop:  # argument errors and --help of tyro
        return stop.code if isinstance(stop.code, int) else EXIT_USER_ERROR
    except Exception as error:
        shown = readable(error, _extra(words))
        if debug or shown is None:
            raise
        from nonet.foundation import console

        console.fail(shown)
        return EXIT_USER_ERROR
    return 0


def _dispatch(words: list[str]) -> None:
    if words and words[0] in {"--version", "-V"}:
        print(f"nonet {__version__}")
        return
    top: dict[str, Any] = {wing.name: wing for wing in present("commands")}
    name = words[0] if words else "--help"
    if name in _HELP:
        _show_level("nonet", "Nine systems from published articles.", _overview())
    elif name in _DOORS:
        _call(_DOORS[name], f"nonet {name}", words[1:])
    elif name in top:
        wing = top[name]
        _walk(wing.room("commands").COMMANDS, ["nonet", name], wing.summary, words[1:])
    else:
        raise _unknown(name, [*top, *_DOORS], "nonet")


def _walk(entry: Command | Group, path: list[str], about: str, words: list[str]) -> None:
    """Follows the words down through groups of commands to a function, and calls it."""
    prog = " ".join(path)
    if not isinstance(entry, Mapping):
        _call(entry, prog, words)
        return
    name = words[0] if words else "--help"
    if "" in entry and name not in entry:
        _call(entry[""], prog, words)
        return
    if name in _HELP:
        _show_level(prog, about, {verb: _first_line(below) for verb, below in entry.items()})
        return
    if name not in entry:
        raise _unknown(name, list(entry), prog)
    _walk(entry[name], [*path, name], _first_line(entry[name]), words[1:])


def _call(function: Command, prog: str, words: list[str]) -> None:
    import tyro

    from nonet.foundation.options import registry

    if words and re.match(r"-[^-]*[\d(*+/.]", words[0]):  # a value such as -x**2: no option of ours has one dash
        words = [f" {words[0]}", *words[1:]]
    # the sections behind the prose (Args, Raises …) are shown as the options' own help
    prose = re.split(r"\n\s*(?:Args|Returns|Raises):\n", inspect.getdoc(function) or "")[0]
    tyro.cli(
        _with_place(function),
        prog=prog,
        args=words,
        description=prose,
        config=(tyro.conf.FlagCreatePairsOff,),
        registry=registry(),
    )


def _with_place(function: Command) -> Command:
    """The command, which first looks whether its result can be put where ``--out`` says.

    Whether that is to be a folder or a file is what the option's own help promises.
    """
    told = re.search(r"^\s*out: (.*)", inspect.getdoc(function) or "", re.MULTILINE)
    if told is None:
        return function
    kinds = {kind for kind in ("folder", "file") if re.search(rf"\b{kind}\b", told[1].partition(";")[0])}
    folder = None if len(kinds) != 1 else kinds == {"folder"}

    @functools.wraps(function)
    def begin(*positional: Any, **named: Any) -> Any:
        from nonet.foundation.files import require_place

        out = inspect.signature(function).bind(*positional, **named).arguments.get("out")
        if out is not None:
            require_place(out, folder=folder)
        return function(*positional, **named)

    return begin


def _overview() -> dict[str, str]:
    built = {wing.name for wing in present("commands")}
    return {wing.name: wing.summary for wing in WINGS if wing.name in built} | {
        name: _first_line(door) for name, door in _DOORS.items()
    }


def _extra(words: Sequence[str]) -> str:
    """The extra that brings what a command needs: its wing's, and that of the one wing that is served."""
    served = [wing.name for wing in WINGS if f"--{wing.name}" in words]
    named = [wing.name for wing in WINGS if wing.name == words[0]] if words else []
    return next(iter(named or (served if len(served) == 1 else [])), "all")


def _first_line(entry: Any) -> str:
    if isinstance(entry, Mapping):
        return "one of: " + ", ".join(entry)
    return (inspect.getdoc(entry) or "").partition("\n")[0]


def _show_level(prog: str, about: str, entries: Mapping[str, str]) -> None:
    width = max(map(len, entries), default=0)
    print(f"{prog} {__version__}" if prog == "nonet" else prog)
    print(f"{about}\n\nCommands:")
    for name, line in entries.items():
        print(f"  {name:<{width}}  {line}")
    print(f"\n`{prog} COMMAND --help` tells more. Any command takes --debug to show the traceback of an error.")


def _unknown(name: str, known: Sequence[str], prog: str) -> NonetError:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean '{close[0]}'?" if close else f"`{prog} --help` lists them."
    return UsageError(f"'{name}' is not a command of {prog}.", fix=hint)
