"""Files of candidates: one object, or one a line; the bad ones are refused with their line, the good ones go on."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from prescreen.candidate import read
from prescreen.candidate.profile import Profile
from prescreen.candidate.read import read_candidates
from prescreen.problems import InputRefused, Problem
from tests.candidate.examples import full


def written(tmp_path: Path, content: str | bytes, name: str = "c.json") -> str:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def outcome(path: str, **options: Any) -> list[str | tuple[str, int | None]]:
    """The id of each candidate, or the code and line of its first problem."""
    found: list[str | tuple[str, int | None]] = []
    for item in read_candidates(path, **options):
        if isinstance(item, Profile):
            found.append(item.id)
        else:
            assert item.problems[0].file == ("<stdin>" if path == "-" else path)
            found.append((item.problems[0].code, item.problems[0].line))
    return found


def problem(path: str) -> Problem:
    (item,) = read_candidates(path)
    assert isinstance(item, InputRefused)
    return item.problems[0]


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_one_object_on_one_line_or_several(tmp_path: Path, indent: int | None) -> None:
    assert outcome(written(tmp_path, json.dumps(full(), indent=indent))) == ["C-001"]
    assert outcome(written(tmp_path, "\n\n" + json.dumps(full(), indent=indent) + "\n\n")) == ["C-001"]


def test_one_object_a_line(tmp_path: Path) -> None:
    text = '\n{"id": "a"}\n\n  {"id": "b"}\r\n{"id": "c"}'
    assert outcome(written(tmp_path, text)) == ["a", "b", "c"]


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    assert outcome(written(tmp_path, b'\xef\xbb\xbf{"id": "a"}\n{"id": "b"}')) == ["a", "b"]
    assert outcome(written(tmp_path, b'\xef\xbb\xbf{\n"id": "a"}')) == ["a"]


def test_a_bad_line_is_refused_and_the_good_ones_go_on(tmp_path: Path) -> None:
    text = '{"id": "a"}\n{"id": \n{"id": "c", "sex": "F"}\n[1]\n\n{"id": "d"}\n'
    expected = ["a", ("no-json", 2), ("wrong-value", 3), ("no-candidate", 4), "d"]
    assert outcome(written(tmp_path, text)) == expected


@pytest.mark.parametrize("first", ['{"id": "a",', "{", "nonsense", '["x",', '{"id": "a"} {"id": "b"}'])
def test_a_bad_first_line_does_not_hide_the_next(tmp_path: Path, first: str) -> None:
    for name in ("c.json", "c.ndjson"):
        assert outcome(written(tmp_path, f'{first}\n{{"id": "b"}}\n', name)) == [("no-json", 1), "b"]


def test_a_broken_object_over_several_lines_is_one_mistake(tmp_path: Path) -> None:
    text = json.dumps(full(), indent=1).replace('"sex":', '"sex"')
    line = text[: text.index('"sex"')].count("\n") + 1
    assert outcome(written(tmp_path, text)) == [("no-json", line)]
    # a record on a line of its own is no candidate
    text = '{"id": "x" "observations": [\n{"id": "o", "code": "ALT", "value": 3}\n]}'
    assert outcome(written(tmp_path, text)) == [("no-json", 1)]


def test_problems_of_a_line_name_line_and_path(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": "a"}\n{"id": "b", "observations": [{"code": "ALT", "date": "2026-02-30"}]}\n')
    _, refused = read_candidates(path)
    assert isinstance(refused, InputRefused)
    assert (refused.problems[0].line, refused.problems[0].path) == (2, "observations[0].date")
    assert f"{path}:2" in str(refused)


def test_a_list_of_candidates_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, '[\n{"id": "a"},\n{"id": "b"}\n]')
    assert problem(path).hint == "write several candidates as one object per line, without the list around them"


def test_an_id_may_be_given_once_in_a_run(tmp_path: Path) -> None:
    one = written(tmp_path, '{"id": "a"}\n{"id": "a"}\n{"id": "b"}\n', "one.ndjson")
    two = written(tmp_path, '{"id": "b"}', "two.json")
    seen: dict[str, str] = {}
    assert outcome(one, seen=seen) == ["a", ("duplicate-id", 2), "b"]
    assert outcome(two, seen=seen) == [("duplicate-id", 1)]
    assert outcome(two) == ["b"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"PK\x03\x04rest", "compressed"),
        ('{"id": "ä"}'.encode("utf-16"), "encoding"),
        (b'{"id": "\xe4"}', "encoding"),
        (b'{"resourceType": "Bundle", "entry": []}', "fhir"),
    ],
)
def test_files_that_are_no_text_of_a_candidate(tmp_path: Path, content: bytes, code: str) -> None:
    assert problem(written(tmp_path, content)).code == code


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    assert problem(str(tmp_path)).message == "is a directory: expected a file of candidates"
    assert problem(str(tmp_path / "none.json")).message == "there is no such file"
    assert problem("a\0b").code == "no-file"
    assert problem("x" * 5_000).code == "no-file"


def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, '{"id": "a"}')

    def denied(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", denied)
    assert problem(path).message == "cannot be opened: permission denied"


def test_an_error_while_reading_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.RawIOBase):
        def readline(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    class Stdin:
        buffer = Broken()

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert problem("-").message == "cannot be read: input/output error"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b'{"id": "a"}\n{"id": }\n')

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert outcome("-") == ["a", ("no-json", 2)]
    assert not Stdin.buffer.closed


def test_lines_are_read_one_at_a_time(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": "a"}\n{"id": "b"}\n')
    candidates = read_candidates(path)
    assert isinstance(next(candidates), Profile)
    with open(path, "ab") as stream:
        stream.write(b'{"id": "c"}\n')
    assert len(list(candidates)) >= 1


def test_a_line_too_long_is_refused_and_the_next_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_BYTES", 100)
    long = '{"id": "' + "x" * 300 + '"}'
    assert outcome(written(tmp_path, f'{{"id": "a"}}\n{long}\n{{"id": "b"}}\n')) == ["a", ("too-long", 2), "b"]
    assert outcome(written(tmp_path, f'{long}\n{{"id": "b"}}\n')) == [("too-long", 1), "b"]
    # a line without end is given up
    assert outcome(written(tmp_path, f'{{"id": "a"}}\n{long * 10}\n{{"id": "b"}}\n')) == ["a", ("too-long", 2)]


def test_one_object_too_long_is_refused_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_BYTES", 100)
    path = written(tmp_path, '{\n"id": "a",\n' + '"x": 1,\n' * 100 + '"sex": "female"}')
    assert outcome(path) == [("too-long", None)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no /dev/zero here")
def test_a_device_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_BYTES", 100_000)
    assert outcome("/dev/zero") == [("too-long", None)]
