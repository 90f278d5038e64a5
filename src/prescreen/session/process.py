"""The rule engine as a session sees it: truths of leaves go in, criteria that they decide come out.

The engine is native code that nobody maintains, so it runs in worker processes that may crash, hang or be killed at
any time: a worker keeps nothing between two requests, and a request that got no answer is put to a new one. A worker is
replaced after some thousands of requests, so that what the engine leaks does not add up. There are no threads.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from prescreen.session.gates import Gates

_SCRIPT: Final = Path(__file__).with_name("worker.py")
_TRIALS: Final = 32  # of one worker: the engine crashes where many rulesets were made (it did at 150; 80 were fine)
_REQUESTS: Final = 20_000  # of one worker
_TRIES: Final = 3
_PATIENCE: Final = 60.0  # seconds for an answer, which takes milliseconds
_PIECE: Final = 65_536


class EngineFailedError(RuntimeError):
    """The rule engine could not be made to answer; the log has everything that was acknowledged."""


class Engine:
    """The rules of some trials.

    gates: of each trial, by place. requests: after how many a worker is replaced. Close it when done; a process that
    ends without doing so takes its workers with it.
    """

    def __init__(self, gates: Sequence[Gates], *, requests: int = _REQUESTS) -> None:
        texts = [_text(each) for each in gates]
        self._workers = [
            _Worker(f"[{','.join(texts[first : first + _TRIALS])}]\n".encode(), requests)
            for first in range(0, len(texts), _TRIALS)
        ]

    def decide(self, trial: int, posts: Iterable[tuple[int, bool]]) -> dict[int, bool]:
        """What follows from truths of leaves, each posted to a gate: the criteria that are true or false, by place.

        Raises EngineFailedError when no worker answers.
        """
        worker, place = divmod(trial, _TRIALS)
        return self._workers[worker].decide(place, list(posts))

    @property
    def processes(self) -> list[int]:
        """The ids of the worker processes that are alive as far as known; they may be killed."""
        return [worker.process.pid for worker in self._workers if worker.process is not None]

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.end()


class _Worker:
    """One worker process, replaced when it has died or has answered often enough."""

    def __init__(self, rules: bytes, requests: int) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._rules = rules
        self._requests = requests
        self._left = 0
        self._owner = 0
        self._buffer = b""

    def decide(self, trial: int, posts: list[tuple[int, bool]]) -> dict[int, bool]:
        request = json.dumps({"trial": trial, "posts": posts}, separators=(",", ":")).encode() + b"\n"
        reason = ""
        for _ in range(_TRIES):
            try:
                answer = json.loads(self._ask(request))
            except (OSError, ValueError) as error:  # it died, hangs, or was killed in the middle of an answer
                reason = str(error)
                self.end()
                continue
            if "decided" in answer:
                return dict(answer["decided"])
            reason = answer.get("failed", "an answer that is none")
            self.end()
        raise EngineFailedError(f"the rule engine did not answer, {_TRIES} times in a row ({reason})")

    def _ask(self, request: bytes) -> bytes:
        if self._owner != os.getpid():
            self.process = None  # it belongs to the process that this one was forked from
        if self.process is not None and self._left <= 0:
            self.end()
        if self.process is None:
            self._start()
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(request)
        self.process.stdin.flush()
        self._left -= 1
        return self._line()

    def _start(self) -> None:
        # -P: the folder of the script, in which modules of this package lie, is no place to import from.
        self.process = process = subprocess.Popen(
            [sys.executable, "-P", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._owner = os.getpid()
        self._left = self._requests
        self._buffer = b""
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # told by the missing answer
            process.stdin.write(self._rules)
            process.stdin.flush()
        if json.loads(self._line()) != {"ready": True}:
            raise OSError("the worker did not start")

    def _line(self) -> bytes:
        """The next line that the worker writes."""
        assert self.process is not None
        assert self.process.stdout is not None
        channel = self.process.stdout.fileno()
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([channel], [], [], _PATIENCE)
            if not ready:
                raise OSError("it did not answer in time")
            piece = os.read(channel, _PIECE)
            if not piece:
                raise OSError("it ended")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def end(self) -> None:
        process, self.process = self.process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        process.wait()


def _text(gates: Gates) -> str:
    """The gates of a trial as the worker reads them."""
    plain = {"gates": [[gate.needed, gate.size, gate.goals] for gate in gates.gates], "roots": gates.roots}
    return json.dumps(plain, separators=(",", ":"))
