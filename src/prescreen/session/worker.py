"""The rule engine in a process of its own: the one module that knows durable-rules.

It is run as a script and imports nothing of prescreen. On standard input it takes one JSON text a line: first the gates
of the trials, then truths of leaves to be posted; on standard output it answers each with the criteria that have become
true or false. It keeps nothing between two requests, so that it may be killed at any time.

durable-rules 2.0.28 is used so that its traps (docs/decisions/0022) are out of reach: two rules a gate, one for true
and one for false; small numbers as facts, each with an id of its own; every state deleted after use; no timers; what
goes wrong in an action kept here, since the engine swallows it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

from durable import engine

Goal = tuple[int, bool]
Post = tuple[int, bool]
"""A gate, and the truth of one of its inputs."""

_STATE = "one"  # the only state that there ever is, and that only during a request


class _Host(engine.Host):  # type: ignore[misc]
    """A host without the two timer threads of the original."""

    def _run(self) -> None:
        pass


class Rules:
    """The ruleset of one trial.

    gates: of each, how many of how many inputs make it true, and where its own truth goes. roots: the gate of each
    criterion, by place.
    """

    def __init__(self, host: _Host, name: str, gates: list[tuple[int, int, list[Goal]]], roots: list[int]) -> None:
        self._host = host
        self._name = name
        self._goals = [goals for _, _, goals in gates]
        self._criteria = {gate: place for place, gate in enumerate(roots)}
        self._fired: set[int] = set()
        self._said: list[tuple[int, bool]] = []
        self._failed: BaseException | None = None
        self._posts = 0
        # `delete_state` crashes the process where no rule has fired in the state: this one always does.
        definition: dict[str, Any] = {"begin": {"all": [{"m": {"begin": True}}], "run": lambda context: None}}
        for number, (needed, size, _) in enumerate(gates):
            for truth, count in ((True, needed), (False, size - needed + 1)):
                # No rule where no number of inputs is enough (5 of 3); where none is needed, see `decide`.
                if 1 <= count <= size:
                    pattern = {"m": {"$and": [{"gate": number}, {"truth": truth}]}}
                    rule = {"all": [pattern], "count": count, "run": self._action(number, truth)}
                    definition[f"gate {number} {truth}"] = rule
        self._rules = set(definition)
        self._settled = [
            (number, truth)
            for number, (needed, size, _) in enumerate(gates)
            for truth, count in ((True, needed), (False, size - needed + 1))
            if count < 1
        ]
        host.register_rulesets({name: definition})

    def decide(self, posts: Iterable[Post]) -> list[tuple[int, bool]]:
        """Post truths of leaves, let the rules fire, and say which criteria (by place) have become true or false."""
        self._fired.clear()
        self._said = []
        self._failed = None
        self._posts = 0
        events = [self._event(gate, truth) for gate, truth in posts]
        for number, truth in self._settled:
            events += [self._event(gate, truth is not turned) for gate, turned in self._goals[number]]
        begin = {"sid": _STATE, "id": "begin", "begin": True}
        try:
            self._host.post_batch(self._name, [begin, *(event for event in events if event is not None)])
        finally:
            self._host.delete_state(self._name, _STATE)
        if self._failed is not None:
            raise self._failed
        return self._said

    def _event(self, gate: int, truth: bool) -> dict[str, object] | None:
        """An event of its own id; None where no rule waits for it, which the engine would refuse."""
        if f"gate {gate} {truth}" not in self._rules:
            return None
        self._posts += 1
        return {"sid": _STATE, "id": str(self._posts), "gate": gate, "truth": truth}

    def _action(self, number: int, truth: bool) -> Callable[[Any], None]:
        def fire(context: Any) -> None:
            try:
                self._conclude(context, number, truth)
            except BaseException as error:  # the engine would put it into the state and go on
                self._failed = self._failed or error

        return fire

    def _conclude(self, context: Any, number: int, truth: bool) -> None:
        if number in self._fired:
            return  # more inputs than needed: a rule fires for each so many of them
        self._fired.add(number)
        place = self._criteria.get(number)
        if place is not None:
            self._said.append((place, truth))
        for gate, turned in self._goals[number]:
            event = self._event(gate, truth is not turned)
            if event is not None:
                context.post(event)


def serve(lines: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    answers.write(b'{"ready":true}\n')
    answers.flush()
    host = _Host()
    trials = json.loads(lines.readline())
    rules: dict[int, Rules] = {}
    for line in lines:
        request = json.loads(line)
        number = request["trial"]
        known = rules.get(number)
        if known is None:
            known = rules[number] = Rules(host, f"trial-{number}", trials[number]["gates"], trials[number]["roots"])
        try:
            answer: dict[str, object] = {"decided": known.decide(request["posts"])}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"[:300]}
        answers.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks will close the pipe
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the engine prints must not be taken for an answer
    sys.stdout = sys.stderr
    serve(sys.stdin.buffer, channel)
