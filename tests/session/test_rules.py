"""Rules that fire: criteria as gates, the worker that holds them, and the traps of durable-rules 2.0.28."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from prescreen import Truth, load_trial
from prescreen.engine.compile import CompiledTrial
from prescreen.engine.setting import Found
from prescreen.session import process, worker
from prescreen.session.gates import Gate, Gates, gates_of
from prescreen.session.process import Engine, EngineFailedError
from prescreen.truth import FALSE, TRUE, UNKNOWN, known

ROOT = Path(__file__).parents[2]
RULES = sorted(path.parent for path in (ROOT / "rules").glob("*/trial.yaml"))


class Supposed:
    """An evaluation of which only what leaves found is asked."""

    def __init__(self, truths: list[Truth]) -> None:
        self.found = [Found(truth) for truth in truths]


def any_of(size: int, needed: int) -> Gates:
    """One criterion: so many of so many inputs."""
    return Gates((Gate(needed, size, ()),), (0,), (tuple((leaf, (0, False)) for leaf in range(size)),))


@pytest.mark.parametrize("seed", range(2))
def test_the_rules_say_what_kleene_says_of_every_trial(seed: int) -> None:
    rng = Random(seed)
    compiled = [CompiledTrial(load_trial(path)) for path in RULES]
    gates = [gates_of(each) for each in compiled]
    engine = Engine(gates)
    try:
        for number in range(80):
            place = number % len(compiled)
            criteria = compiled[place].criteria
            weights = rng.choice([(1, 1, 1), (6, 1, 1), (1, 6, 1), (1, 1, 6)])
            truths = rng.choices([TRUE, FALSE, UNKNOWN], weights, k=compiled[place].leaf_count)
            asked = range(len(criteria)) if rng.random() < 0.5 else [rng.randrange(len(criteria))]
            posts = [
                (gate, (truths[leaf] is TRUE) is not turned)
                for each in asked
                for leaf, (gate, turned) in gates[place].inputs[each]
                if truths[leaf] is not UNKNOWN
            ]
            rng.shuffle(posts)
            if number % 40 == 7:
                os.kill(engine.processes[0], signal.SIGKILL)
            decided = engine.decide(place, posts)
            supposed: Any = Supposed(truths)
            for each in asked:
                assert decided.get(each) == known(criteria[each].root.evaluate(supposed)), criteria[each].criterion.id
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("size", "needed", "posts", "expected"),
    [
        (3, 3, "", None),  # a rule that has not fired is not false
        (3, 3, "TT", None),  # and `delete_state` crashes where nothing has fired
        (3, 3, "TTT", True),
        (3, 3, "F", False),
        (3, 1, "FFF", False),
        (3, 1, "FF", None),
        (3, 2, "TFT", True),
        (3, 2, "TFF", False),
        (3, 5, "", False),  # no number of inputs is enough, which no rule can tell
        (3, 0, "FFF", True),
        (3, 4, "TTT", False),
    ],
)
def test_a_gate_is_a_threshold(size: int, needed: int, posts: str, expected: bool | None) -> None:
    # The inner gate sends its truth on, so that what is settled from the start is told as well.
    gates = Gates((Gate(1, 1, ()), Gate(needed, size, ((0, False),))), (0,), ())
    engine = Engine([gates])
    try:
        assert engine.decide(0, [(1, letter == "T") for letter in posts]).get(0) == expected
    finally:
        engine.close()


def test_what_fires_more_than_once_counts_once() -> None:
    # `any` of four, all true, fires four times; the gate above needs two different ones
    gates = Gates((Gate(2, 2, ()), Gate(1, 4, ((0, False),)), Gate(1, 1, ((0, False),))), (0,), ())
    engine = Engine([gates])
    try:
        assert engine.decide(0, [(1, True)] * 4) == {}
        assert engine.decide(0, [(1, True)] * 4 + [(2, True)]) == {0: True}
    finally:
        engine.close()


def test_equal_facts_are_different_facts() -> None:
    # MessageObservedException: the same fact twice is refused; every post has an id of its own
    engine = Engine([any_of(2, 2)])
    try:
        assert engine.decide(0, [(0, True), (0, True)]) == {0: True}
        assert engine.decide(0, [(0, True)]) == {}  # nothing is left of the request before
    finally:
        engine.close()


def test_an_error_in_an_action_is_told() -> None:
    # the engine puts it into `state.exception` and goes on
    code = """
import prescreen.session.worker as worker
def broken(self, context, number, truth): raise ZeroDivisionError("in an action")
worker.Rules._conclude = broken
rules = worker.Rules(worker._Host(), "x", [(1, 1, [])], [0])
try:
    rules.decide([(0, True)])
except ZeroDivisionError as error:
    print(error)
"""
    assert _python(code).strip() == "in an action"


def test_there_are_no_timer_threads() -> None:
    code = """
import threading, time
import prescreen.session.worker as worker
rules = worker.Rules(worker._Host(), "x", [(1, 1, [])], [0])
time.sleep(0.3)
print(threading.active_count(), rules.decide([(0, False)]))
"""
    assert _python(code).strip() == "1 [(0, False)]"


def test_states_are_freed() -> None:
    # a live `sid` costs 1.2 MB with 50 rules; near 800 of them the process ends in MemoryError
    code = """
import resource
import prescreen.session.worker as worker
rules = worker.Rules(worker._Host(), "x", [(2, 3, []) for _ in range(30)], list(range(30)))
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rules.decide([(0, True)])
for _ in range(30): rules.decide([(g, True) for g in range(30)] * 2)
before = peak()
for _ in range(300): rules.decide([(g, True) for g in range(30)] * 2)
print(peak() - before < 5_000)
"""
    assert _python(code).strip() == "True"


def test_many_trials_are_spread_over_workers() -> None:
    # `delete_state` crashed where about 150 rulesets had been created in a process
    engine = Engine([any_of(1, 1) for _ in range(70)])
    try:
        for trial in range(70):
            assert engine.decide(trial, [(0, trial % 2 == 0)]) == {0: trial % 2 == 0}
        assert len(set(engine.processes)) == 3
    finally:
        engine.close()


def test_a_worker_is_replaced_after_so_many_requests() -> None:
    engine = Engine([any_of(1, 1)], requests=3)
    try:
        seen = set()
        for _ in range(7):
            assert engine.decide(0, [(0, True)]) == {0: True}
            seen.update(engine.processes)
        assert len(seen) == 3
    finally:
        engine.close()


def test_a_worker_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_PATIENCE", 1.0)
    engine = Engine([any_of(1, 1)])
    try:
        assert engine.decide(0, [(0, True)]) == {0: True}
        (stopped,) = engine.processes
        os.kill(stopped, signal.SIGSTOP)
        assert engine.decide(0, [(0, False)]) == {0: False}
        assert engine.processes != [stopped]
    finally:
        engine.close()


def test_workers_end_with_the_process_that_started_them() -> None:
    code = """
from prescreen.session.gates import Gate, Gates
from prescreen.session.process import Engine
import os, signal
engine = Engine([Gates((Gate(1, 1, ()),), (0,), ())])
engine.decide(0, [(0, True)])
print(engine.processes[0], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    worker = int(done.stdout)
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists() or "Z" in Path(f"/proc/{worker}/stat").read_text().split()[2]:
            return
        time.sleep(0.05)
    pytest.fail("the worker outlives its session")


def test_an_engine_that_never_answers_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "worker.py"
    broken.write_text("raise SystemExit(3)\n")
    monkeypatch.setattr(process, "_SCRIPT", broken)
    with pytest.raises(EngineFailedError, match="did not answer, 3 times in a row"):
        Engine([any_of(1, 1)]).decide(0, [(0, True)])


def test_a_request_that_is_wrong_is_answered() -> None:
    engine = Engine([any_of(1, 1)])
    with pytest.raises(EngineFailedError, match="ValueError"):
        engine.decide(0, [(0, True, 1)])  # type: ignore[list-item]
    engine.close()


def test_the_worker_speaks_json_on_its_own_channel() -> None:
    worker = [sys.executable, "-P", str(Path(process.__file__).with_name("worker.py"))]
    rules = json.dumps([{"gates": [[1, 2, []]], "roots": [0]}])
    asked = "\n".join([rules, json.dumps({"trial": 0, "posts": [[0, False], [0, False]]}), ""])
    done = subprocess.run(worker, input=asked, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ['{"ready":true}', '{"decided":[[0,false]]}']


def test_the_worker_within_this_process() -> None:
    gates = [[1, 1, []], [2, 2, [[0, False]]], [1, 2, [[1, True]]], [3, 2, [[1, True]]]]
    requests = [[[1, True], [2, False], [2, False]], [[2, True]], [[1, True], [1, True], [1, True]], [["x"]], []]
    lines = [
        json.dumps([{"gates": gates, "roots": [0]}]),
        *(json.dumps({"trial": 0, "posts": each}) for each in requests),
    ]
    answers = io.BytesIO()
    worker.serve(io.BytesIO("\n".join(lines).encode()), answers)
    ready, *answered = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert ready == {"ready": True}
    # the fourth gate is false from the start, and counts the other way round: one of two inputs is there already
    assert [each.get("decided") for each in answered] == [[[0, True]], [[0, False]], [[0, True]], None, []]
    assert answered[3]["failed"].startswith("ValueError")


def _python(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
