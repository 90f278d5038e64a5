"""Shards decided by several processes (docs/decisions/0026-processes-not-threads.md).

They are forked, so that nothing has to be handed to them; what comes of a shard they keep where this process finds it.
Where a system cannot fork safely, this process does all of it.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Final, TypeVar

S = TypeVar("S")

_FORKS: Final = sys.platform == "linux"


def _nothing() -> None:
    pass


def each_done(
    shards: Sequence[S], decide: Callable[[S], None], processes: int, meanwhile: Callable[[], None] = _nothing
) -> Iterator[S]:
    """Decide shards, each process some of them in turn; each shard, in order, when it is done. meanwhile: what this
    process does first, while others decide.

    An error in a process is raised here. Raises ChildProcessError where one has ended without a word: the system ends
    processes when memory runs short.
    """
    may_fork = _FORKS and not multiprocessing.current_process().daemon  # such a process may have no children
    number = min(processes, len(shards)) if may_fork else 1
    if number < 2:
        meanwhile()
        for shard in shards:
            decide(shard)
            yield shard
        return
    context = multiprocessing.get_context("fork")
    gc.freeze()  # what is shared with them stays so
    channels: list[Connection] = []
    workers = []
    try:
        for first in range(number):
            here, there = context.Pipe(duplex=False)
            channels.append(here)
            mine = (there, tuple(channels), shards[first::number], decide)
            worker = context.Process(target=_work, args=mine, daemon=True)
            worker.start()
            there.close()
            workers.append(worker)
        meanwhile()
        for place, shard in enumerate(shards):
            try:
                error = channels[place % number].recv()
            except EOFError:
                raise ChildProcessError("a process that decides has ended (is memory short?)") from None
            if error is not None:
                raise error
            yield shard
    finally:
        gc.unfreeze()
        for worker in workers:
            worker.terminate()
            worker.join()
        for channel in channels:
            channel.close()


def _work(
    channel: Connection, inherited: Sequence[Connection], shards: Sequence[S], decide: Callable[[S], None]
) -> None:
    """Tell of each shard when it is done, and of the error that ends it. inherited: ends of channels that only who
    started it reads: when they are closed there, nobody listens any more."""
    gc.disable()  # nothing that deciding makes hangs together in a circle
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it is interrupted, too, and ends it
    for each in inherited:
        each.close()
    for shard in shards:
        said: Exception | None = None
        try:
            decide(shard)
        except OSError as error:  # a full disk
            said = OSError(error.errno, error.strerror)
        except BaseException as error:
            said = RuntimeError(f"{type(error).__name__} in a process that decides: {error}")
        try:
            channel.send(said)
        except OSError:
            return  # who started it was killed
        if said is not None:
            return
