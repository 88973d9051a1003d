"""An end at once where a person or the system asks for one: by Ctrl-C, once or again, by SIGTERM or a lost terminal."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE_S = 1.5
"""How long an orderly end may take."""
GO_ON = "interrupted; the same command goes on from what is stored"


class Ended(BaseException):
    """The program was told to end. No Exception and no KeyboardInterrupt: nobody below the top may deal with it.

    Args:
        number: of the signal.
        message: how to go on.
    """

    def __init__(self, number: int, message: str = GO_ON) -> None:
        super().__init__(message)
        self.number = number


def listen() -> None:
    """Raise `Ended` in the main thread at the first signal, and heed no further one; what is ignored stays so."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def ignore() -> None:
    """Heed no signal any more: the program is ending."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def leave(ended: Ended) -> NoReturn:
    """Say how to go on, and exit as one that was ended by the signal: 130 for Ctrl-C, 143 for SIGTERM."""
    print(ended, file=sys.stderr)
    sys.exit(128 + ended.number)


def _end(number: int, _: FrameType | None) -> NoReturn:
    ignore()
    late = threading.Timer(PATIENCE_S, _leave_at_once, [number])  # where something holds the main thread up
    late.daemon = True
    late.start()
    raise Ended(number)


def _leave_at_once(number: int) -> None:
    for started in sys.modules["multiprocessing"].active_children() if "multiprocessing" in sys.modules else ():
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
    os.write(2, f"{GO_ON}\n".encode())
    os._exit(128 + number)
