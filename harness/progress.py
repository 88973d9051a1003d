"""How far a long measurement is: told by what does the work, and shown by whoever listens."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """A part of a measurement under way.

    Attributes:
        what: the part.
        done: steps of it that are done.
        total: steps of it that there are.
    """

    what: str
    done: int
    total: int


Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def tell(what: str, done: int, total: int) -> None:
    """Tell how far a part is; nobody may be listening."""
    if (listener := _listener.get()) is not None:
        listener(Progress(what, done, total))


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Let a listener hear what is told within the context."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def every(seconds: float, do: Callable[[], object]) -> Iterator[None]:
    """Do something again and again, in a thread, within the context: what is under way there need tell nothing."""
    over = threading.Event()

    def work() -> None:
        if hasattr(signal, "pthread_sigmask"):  # an interruption is for the main thread, which holds it back at times
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while not over.wait(seconds):
            do()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
