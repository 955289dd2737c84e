"""Start `python -m MODULE` as a fork of the test's process, which has imported most of it.

Starting Python and importing Signoff takes most of a second of the processor's time, a fork some
hundredths. The child has the environment, folder, streams and signals that a new process would
have, and runs the module as Python does. Of the test's process it keeps only what was imported.
"""

import atexit
import faulthandler
import gc
import io
import logging
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

# Nearly all of these processes need them.
import signoff_cli.__main__  # noqa: F401
import signoff_worker  # noqa: F401

_SUPPORT: Final = str(Path(__file__).parent)


def start(
    command: Sequence[str], *, env: Mapping[str, str], **options: Any
) -> "subprocess.Popen[bytes]":
    """Start a command: as a fork if it is a module of Python, else as a program."""
    kind = _Fork if _is_module(command) and _is_plain(env) else subprocess.Popen
    return kind(command, env=env, **options)


def _is_module(command: Sequence[str]) -> bool:
    return list(command[:2]) == [sys.executable, "-m"]


def _is_plain(env: Mapping[str, str]) -> bool:
    """Whether Python would start there as it did for the tests."""
    given = {name for name in env if name.startswith(("PYTHON", "LD_"))}
    folders = set(env.get("PYTHONPATH", "").split(os.pathsep))
    return given <= {"PYTHONPATH", "PYTHONUNBUFFERED"} and {_SUPPORT} <= folders <= set(sys.path)


class _Fork(subprocess.Popen[bytes]):
    """Forks, where `Popen` executes a program."""

    def _execute_child(self, *given: Any) -> None:
        """Make the child process (`Popen` calls this)."""
        command, _, prepare, _, _, folder, env, _, _, _, *streams = given[:16]
        with warnings.catch_warnings():
            # Python 3.12 and newer warn, since pytest-xdist has a thread that receives commands.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            _run_and_exit(command, env, lambda: _place(streams, folder, prepare))
        self.pid = child
        self._child_created = True
        self._close_pipe_fds(*streams)  # type: ignore[attr-defined]


def _place(
    streams: Sequence[int], folder: Path | None, prepare: Callable[[], object] | None
) -> None:
    """Take the streams, and let go of all other files of the test's process."""
    read_in, _, _, write_out, _, write_err = streams
    for number, descriptor in enumerate((read_in, write_out, write_err)):
        if descriptor != -1:
            os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    if folder is not None:
        os.chdir(folder)
    if prepare is not None:
        prepare()


def _run_and_exit(
    command: Sequence[str], env: Mapping[str, str], place: Callable[[], None]
) -> NoReturn:
    """Be the process; nothing returns to the test."""
    code = 70
    try:
        gc.freeze()  # what the tests have opened is not closed here
        _forget_the_tests()
        place()
        os.environ.clear()
        os.environ.update(env)
        time.tzset()
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 -- Python's own
        sys.stdout = _stream(1, "strict", unbuffered=bool(env.get("PYTHONUNBUFFERED")))
        sys.stderr = _stream(2, "backslashreplace", unbuffered=True)
        code = _run_module(command[2], command[2:])
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 -- as Python does at its end
        traceback.print_exc()
    finally:
        os._exit(code)


def _stream(descriptor: int, errors: str, *, unbuffered: bool) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), "utf-8", errors, write_through=unbuffered, line_buffering=unbuffered
    )


def _forget_the_tests() -> None:
    """Undo what pytest and the tests have set up."""
    faulthandler.disable()
    atexit._clear()
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    known = logging.root.manager.loggerDict.values()
    loggers = [one for one in known if isinstance(one, logging.Logger)]
    for logger in (logging.root, *loggers):
        logger.handlers.clear()
        logger.filters.clear()
        logger.setLevel(logging.NOTSET)
    logging.root.setLevel(logging.WARNING)
    logging.disable(logging.NOTSET)


def _run_module(name: str, arguments: Sequence[str]) -> int:
    """Run a module as `python -m` does; returns its exit code."""
    sys.argv = list(arguments)
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if isinstance(ended.code, int | None):
            return ended.code or 0
        sys.stderr.write(f"{ended.code}\n")
        return 1
    except KeyboardInterrupt:
        traceback.print_exc()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # noqa: BLE001 -- as Python does
        traceback.print_exc()
        return 1
    return 0
