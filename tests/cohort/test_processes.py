"""Shards decided by several processes: in order, errors told, nobody waited for who has died."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prescreen.cohort import processes
from prescreen.cohort.processes import each_done

SHARDS = list(range(7))


@pytest.fixture(params=[1, 2, 3, 20])
def number(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_each_shard_is_done_once_and_told_in_order(tmp_path: Path, number: int) -> None:
    def decide(shard: int) -> None:
        time.sleep(0.02 * (shard % 3))
        (tmp_path / f"{shard}").touch(exist_ok=False)

    for shard in each_done(SHARDS, decide, number):
        assert (tmp_path / f"{shard}").exists()
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == SHARDS


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_done_meanwhile_is_done_once_and_before_any_shard_is_told(tmp_path: Path, number: int) -> None:
    done: list[object] = []
    done += each_done(SHARDS, lambda _: None, number, lambda: done.append("meanwhile"))
    assert done == ["meanwhile", *SHARDS]


def test_no_shard_takes_no_process() -> None:
    assert list(each_done([], lambda _: None, 2)) == []


def test_a_full_disk_is_told_as_one(number: int) -> None:
    def decide(shard: int) -> None:
        if shard == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left on device") as raised:
        list(each_done(SHARDS, decide, number))
    assert raised.value.errno == errno.ENOSPC


def test_another_error_is_told_with_its_kind() -> None:
    def decide(shard: int) -> None:
        raise ValueError(f"shard {shard}")

    with pytest.raises(RuntimeError, match="ValueError in a process that decides: shard 0"):
        list(each_done(SHARDS, decide, 2))


@pytest.mark.skipif(not processes._FORKS, reason="forks on Linux only")
def test_a_process_that_was_killed_is_told() -> None:
    me = os.getpid()

    def decide(shard: int) -> None:
        assert os.getpid() != me
        if shard == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(ChildProcessError, match="has ended"):
        list(each_done(SHARDS, decide, 2))


@pytest.mark.skipif(not processes._FORKS, reason="forks on Linux only")
def test_who_stops_early_leaves_no_process(tmp_path: Path) -> None:
    def decide(shard: int) -> None:
        (tmp_path / f"{os.getpid()}").touch()
        if shard > 1:
            time.sleep(60)

    done = each_done(SHARDS, decide, 2)
    next(done)
    done.close()  # type: ignore[attr-defined]
    time.sleep(0.1)
    for path in tmp_path.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.name), 0)


WORKING = """
import sys, time
from pathlib import Path
from prescreen.cohort.processes import each_done

def decide(shard):
    time.sleep(0.3)
    (Path(sys.argv[1]) / str(shard)).touch()

for shard in each_done(list(range(40)), decide, 2):
    print(shard, flush=True)
"""


@pytest.mark.skipif(not processes._FORKS, reason="forks on Linux only")
def test_processes_end_when_who_started_them_was_killed(tmp_path: Path) -> None:
    run = subprocess.Popen([sys.executable, "-c", WORKING, str(tmp_path)], stdout=subprocess.PIPE)
    assert run.stdout is not None
    assert run.stdout.readline() == b"0\n"
    run.kill()
    run.wait()
    time.sleep(0.8)
    left = len(list(tmp_path.iterdir()))
    time.sleep(0.8)
    assert len(list(tmp_path.iterdir())) == left < 10


def test_where_no_fork_is_safe_all_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_FORKS", False)
    done: list[int] = []
    assert list(each_done(SHARDS, done.append, 4)) == SHARDS == done
