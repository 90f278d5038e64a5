"""Candidates from JSON: one object, or one per line.

Whatever comes in, a profile comes out that can be screened, or `InputRefused` with everything that is wrong.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any, BinaryIO, Final

import jiter
import msgspec

from prescreen.candidate.checks import problems_of_meaning
from prescreen.candidate.profile import Profile
from prescreen.candidate.structure import build_profile, path_text, quoted, shown
from prescreen.catalogue import Catalogue, bundled_catalogue
from prescreen.problems import InputRefused, Problem

MAX_BYTES: Final = 32_000_000
"""The longest candidate that is read."""
MAX_VALUES: Final = 500_000
"""The most values that a candidate may have: each costs a hundred bytes of memory and more."""
MAX_DEPTH: Final = 50

_LARGE: Final = 200_000  # bytes or values from which on mistakes may be too many to be counted
_BLANK: Final = b" \t\r\n"
_TRIED: Final = 1_000  # lines of a broken file that are tried for a candidate
_SKIPPED: Final = 8  # times MAX_BYTES that are skipped of a line too long, before the file is given up


def parse_candidate(
    data: Mapping[str, Any] | str | bytes, *, file: str | None = None, catalogue: Catalogue | None = None
) -> Profile:
    """One candidate from JSON text or from a dict (contract §2).

    Numbers are exact as written; Python floats count by their shortest text. file: its name for messages.
    catalogue: knows the names of codes; the bundled one by default. Raises InputRefused with every problem.
    """
    try:
        return _parse(data, catalogue or bundled_catalogue())
    except InputRefused as refused:
        if file is None:
            raise
        raise InputRefused(replace(problem, file=file) for problem in refused.problems) from None


def read_candidates(
    path: str, *, catalogue: Catalogue | None = None, seen: dict[str, str] | None = None
) -> Iterator[Profile | InputRefused]:
    """The candidates of a JSON or NDJSON file (`-`: standard input), in its order and one at a time.

    A line that is refused is given as the InputRefused that says why, and the next ones go on. seen: where each id
    was met so far, shared by the files of a run; a second candidate of the same id is refused. FHIR Bundles are
    refused; for both see `prescreen.intake`.
    """
    known = catalogue or bundled_catalogue()
    seen = {} if seen is None else seen
    for text in read_texts(path):
        try:
            profile = _parse(text.content(), known)
            text.claim(profile.id, seen)
            yield profile
        except InputRefused as refused:
            yield text.at_its_place(refused)


@dataclass(frozen=True, slots=True)
class Text:
    """A JSON text of a file, or why there is none. line: None where the file is one text over several lines."""

    file: str
    line: int | None
    data: bytes | InputRefused

    def content(self) -> bytes:
        """The text; raises what is wrong with it."""
        if isinstance(self.data, InputRefused):
            raise self.data
        return self.data

    def at_its_place(self, refused: InputRefused) -> InputRefused:
        """A refusal with the file, and the line where a file has several texts."""
        place: dict[str, Any] = {"file": self.file} if self.line is None else {"file": self.file, "line": self.line}
        return InputRefused(problem if problem.file else replace(problem, **place) for problem in refused.problems)

    def claim(self, identity: str, seen: dict[str, str]) -> None:
        """Note where a candidate was met; refuses one that was met before."""
        here = self.file if self.line is None else f"{self.file}:{self.line}"
        first = seen.setdefault(identity, here)
        if first is not here:
            message = f"the candidate `{identity}` was already given by {first}"
            raise _refusal("duplicate-id", message, path="id")


def read_texts(path: str) -> Iterator[Text]:
    """The JSON texts of a file: one, or one a line (`-`: standard input)."""
    name = "<stdin>" if path == "-" else path
    try:
        with _opened(path, name) as stream:
            for line, data in _texts(stream, name):
                yield Text(name, line, data)
    except InputRefused as refused:
        yield Text(name, None, refused)
    except OSError as error:
        reason = (error.strerror or "input error").lower()
        yield Text(name, None, _refusal("unreadable", f"cannot be read: {reason}", name))


def read_plain(data: Mapping[str, Any] | str | bytes, problems: list[Problem]) -> tuple[object, bool]:
    """The data of a JSON text or of a dict, as JSON has it and numbers exact; and whether it is a large one.

    What has no place in JSON is added to the problems. Raises InputRefused for a text that is no JSON.
    """
    if isinstance(data, (str, bytes)):
        text = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        plain = from_json(text)
        if b"\\" in text or b"\x7f" in text or b"\xc2" in text:  # without these, no control character comes in
            plain = _plain(plain, problems)
        return plain, len(text) > _LARGE
    return _plain(data, problems), True


def _parse(data: Mapping[str, Any] | str | bytes, catalogue: Catalogue) -> Profile:
    problems: list[Problem] = []
    plain, large = read_plain(data, problems)
    return profile_of(plain, catalogue, problems, large=large)


def profile_of(plain: object, catalogue: Catalogue, problems: list[Problem], *, large: bool) -> Profile:
    """The profile that plain data is; problems: of the data, found before. Raises InputRefused with all problems."""
    if not isinstance(plain, dict):
        raise InputRefused([*problems, _no_candidate(plain)])
    if "resourceType" in plain:
        raise InputRefused([Problem("fhir", "is a FHIR resource: expected a candidate in prescreen's own JSON")])
    profile = build_profile(plain, large=large)
    if isinstance(profile, list):
        problems += profile
    problems += problems_of_meaning(plain, catalogue)
    if isinstance(profile, list) or problems:
        raise InputRefused(problems)
    return profile


def _no_candidate(plain: object) -> Problem:
    hint = None
    if isinstance(plain, list) and plain and isinstance(plain[0], dict):
        hint = "write several candidates as one object per line, without the list around them"
    return Problem("no-candidate", f"{shown(plain)} where a candidate is expected, which is an object", hint=hint)


# --- JSON text -------------------------------------------------------------------------------------------------

_PLACE: Final = re.compile(r"(.*) at line (\d+) column (\d+)", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def from_json(text: bytes) -> object:
    """The data of a JSON text: numbers exact, no key twice, neither NaN nor infinities, no bottomless nesting."""
    refuse_unusable(text)
    try:
        return jiter.from_json(text, float_mode="decimal", catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        raise InputRefused([_json_problem(text, str(error))]) from None


def refuse_unusable(text: bytes) -> None:
    if len(text) > MAX_BYTES:
        raise _refusal("too-long", f"a candidate of more than {MAX_BYTES // 1_000_000} MB")
    if len(text) > MAX_VALUES and text.count(b",") + text.count(b"[") + text.count(b"{") > MAX_VALUES:
        raise _refusal("too-long", f"a candidate of more than {MAX_VALUES:,} values")
    if not text.strip(_BLANK):
        raise _refusal("empty", "is empty: expected a candidate as a JSON object")


def _json_problem(text: bytes, error: str) -> Problem:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as wrong:
        line = text.count(b"\n", 0, wrong.start) + 1
        return Problem("encoding", f"is no UTF-8 text: byte {wrong.start + 1} is 0x{text[wrong.start]:02x}", line=line)
    match = _PLACE.fullmatch(error)
    reason, line, column = (match[1], int(match[2]), max(1, int(match[3]))) if match else (error, 1, 1)
    code = "no-json"
    if duplicate := re.fullmatch(r'Detected duplicate key "(.*)"', reason, re.DOTALL):
        code, reason = "duplicate-key", f"the key {quoted(duplicate[1])} is given twice"
    elif "recursion limit" in reason:
        code, reason = "too-deep", "is nested too deeply"
    elif "number out of range" in reason or "InvalidOperation" in reason:
        code, reason = "too-long", "a number of far too many digits, which no result has"
    else:
        reason = f"is no JSON: {reason[:1].lower() + reason[1:]}"
        if text[column - 1 : column + 2] == b"NaN" or text[column - 1 : column + 7].lstrip(b"-") == b"Infinity":
            reason = "is no JSON: NaN and infinities are no numbers"
    return Problem(code, reason, line=line, column=column)


# --- Python data -----------------------------------------------------------------------------------------------


def plain_data(data: object) -> object:
    """Data made of the types that JSON has, numbers exact; control characters stay in it.

    Raises InputRefused where something else is in it.
    """
    problems: list[Problem] = []
    plain = _plain(data, problems)
    if problems := [problem for problem in problems if problem.code != "bad-text"]:
        raise InputRefused(problems)
    return plain


def _plain(data: object, problems: list[Problem]) -> object:
    """Data made of the types that JSON has and nothing else, numbers exact; what has no place there becomes None."""
    return _plain_value(data, (), problems, [MAX_VALUES])


def _plain_value(value: object, place: tuple[str | int, ...], problems: list[Problem], budget: list[int]) -> object:
    budget[0] -= 1
    if budget[0] < 0:
        raise _refusal("too-long", f"a candidate of more than {MAX_VALUES:,} values")
    if len(place) > MAX_DEPTH:
        raise _refusal("too-deep", "is nested too deeply")

    def refuse(code: str, message: str, hint: str | None = None) -> None:
        problems.append(Problem(code, message, path=path_text(place), hint=hint))

    match value:
        case None | bool():
            return value
        case int():
            return int(value)
        case str():
            if _CONTROL.search(value) is not None:
                refuse("bad-text", "text with a control character")
            return str(value)
        case float() | Decimal():
            number = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
            if number.is_finite():
                return number
            refuse("no-number", f"{number} is no number")
        case Mapping():
            plain: dict[str, object] = {}
            for key, inner in value.items():
                if isinstance(key, str) and _CONTROL.search(key) is None:
                    plain[str(key)] = _plain_value(inner, (*place, key), problems, budget)
                else:
                    refuse("bad-key", f"{shown(key)} where a key is expected, which is plain text")
            return plain
        case list() | tuple():
            return [_plain_value(inner, (*place, index), problems, budget) for index, inner in enumerate(value)]
        case date():
            refuse("wrong-type", f"{shown(value)}, which JSON has not", f'write it as text: "{value.isoformat()}"')
        case _:
            refuse("wrong-type", f"{shown(value)}, which JSON has not")
    return None


# --- Files -----------------------------------------------------------------------------------------------------


def _opened(path: str, name: str) -> AbstractContextManager[BinaryIO]:
    if path == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return open(path, "rb")
    except IsADirectoryError:
        raise _refusal("no-file", "is a directory: expected a file of candidates", name) from None
    except FileNotFoundError:
        raise _refusal("no-file", "there is no such file", name) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no usable file name"
        raise _refusal("no-file", f"cannot be opened: {reason.lower()}", name) from None


def _texts(stream: BinaryIO, name: str) -> Iterator[tuple[int | None, bytes | InputRefused]]:
    """The JSON texts of a file with their line (None: the file is one object over several lines).

    A file whose first line is an object of its own has one candidate per line. Any other is one object, unless that
    makes no sense while one of its lines alone does.
    """
    lines = _lines(stream)
    first = next((item for item in lines if item[1] is None or item[1].strip(_BLANK)), None)
    if first is None:
        yield None, _refusal("empty", "is empty: expected a candidate as a JSON object", name)
        return
    number, line = first
    if line is not None and line.startswith((b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh")):
        yield None, _refusal("compressed", "is compressed: unpack it first", name)
        return
    if name.endswith((".ndjson", ".jsonl")) or (line is not None and _is_whole(line)):
        yield from _one_per_line(chain([first], lines), name)
        return
    held = [first]
    size = _length(line)
    for item in lines:
        held.append(item)
        size += _length(item[1])
        if size > MAX_BYTES:
            break
    if size <= MAX_BYTES:
        # Blank lines keep the line numbers of messages right.
        whole = b"\n" * (number - 1) + b"".join(text for _, text in held if text is not None)
        if is_fhir(whole):
            yield None, whole
            return
        if not _some_candidate(held) or _is_json(whole):
            yield None, whole
            return
    elif not _some_candidate(held):
        yield None, _too_long(name)
        return
    yield from _one_per_line(chain(held, lines), name)


def _one_per_line(
    lines: Iterable[tuple[int, bytes | None]], name: str
) -> Iterator[tuple[int | None, bytes | InputRefused]]:
    for number, line in lines:
        if line is None:
            yield number, _too_long(name, number)
        elif line.strip(_BLANK):
            yield number, line


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines of a file, numbered from 1; None for one that is too long to be held."""
    number = 0
    while line := stream.readline(MAX_BYTES + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) > MAX_BYTES:
            yield number, None
            for _ in range(_SKIPPED):
                if not line or line.endswith(b"\n"):
                    break
                line = stream.readline(MAX_BYTES)
            else:
                return
        else:
            yield number, line


def _length(line: bytes | None) -> int:
    return MAX_BYTES + 1 if line is None else len(line)


def _some_candidate(lines: list[tuple[int, bytes | None]]) -> bool:
    """Whether a line is a candidate of its own: it has an id, and unlike a record of one it has no code."""
    found = (_object(line) for _, line in lines[:_TRIED] if line is not None)
    return any(data is not None and "id" in data and "code" not in data for data in found)


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        data = from_json(text)
    except InputRefused:
        return None
    return data if isinstance(data, dict) else None


def is_fhir(text: bytes) -> bool:
    """Whether a text begins as a FHIR resource does."""
    return _FHIR.match(text) is not None


_FHIR: Final = re.compile(rb'\s*\{\s*"resourceType"\s*:')


def _is_whole(text: bytes) -> bool:
    """Whether a line is an object of its own; a FHIR resource is not read for that."""
    if is_fhir(text):
        try:
            msgspec.json.decode(text, type=msgspec.Raw)
        except msgspec.DecodeError:
            return False
        return True
    return _object(text) is not None


def _is_json(text: bytes) -> bool:
    try:
        from_json(text)
    except InputRefused:
        return False
    return True


def _too_long(name: str, line: int | None = None) -> InputRefused:
    return _refusal("too-long", f"a candidate of more than {MAX_BYTES // 1_000_000} MB", name, line)


def _refusal(
    code: str, message: str, file: str | None = None, line: int | None = None, path: str | None = None
) -> InputRefused:
    return InputRefused([Problem(code, message, file=file, line=line, path=path)])
