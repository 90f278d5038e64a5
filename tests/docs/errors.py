"""The examples of docs/errors.md: fragments, put into the smallest file in which they can stand, and checked.

The info string of a block says where its fragment stands (`condition`, `case`, `criterion`, `top`, `trial`,
`catalogue`, or a `path` given to `prescreen check`) and whether it is `bad` or `good`; a `python` block is an
expression for a file that cannot be shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from prescreen.check import check_paths
from prescreen.problems import Problem

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"

TOP = """\
schema: prescreen/trial/1
id: NCT00000001
title: A trial
source: {document: protocol.md}
"""
NAMES = """\
anchors: {enrolment: the day of enrolment}
questions:
  consent: {ask: candidate, text: Have you signed the consent form?}
  arm: {ask: coordinator, text: Which arm?, options: [left, right]}
definitions:
  hbv-exposed: {observation: HBsAg, is: positive, within: 28 days}
"""
AGES = "results_within: 28 days\n"
CASES = """\
    cases:
      - {expect: met, given: {sex: female}}
      - {expect: failed, given: {sex: male}}
      - {expect: undetermined, given: {}}
"""
FEMALE = f"criteria:\n  - id: I1\n    text: Female.\n    include_if: {{sex: female}}\n{CASES}"
UNSHOWN = {"no-case", "no-document", "no-window", "threshold-not-tested", "leaf-not-decided", "mutation-score"}
"""What the smallest files have besides; it counts only where an example is about it."""

Kind = Literal["condition", "exclusion", "case", "criterion", "top", "trial", "catalogue", "path"]


@dataclass(frozen=True, slots=True)
class Example:
    """A block of the page: where its fragment stands, and the fragment itself."""

    kind: Kind
    good: bool
    text: str | bytes


@dataclass(frozen=True, slots=True)
class Section:
    """What the page says of one code. told: the diagnostic that it shows for the bad example."""

    code: str
    meaning: str
    bad: Example
    told: str
    good: Example


def sections() -> list[Section]:
    parts = re.split(r"(?m)^## `([a-z-]+)`\n", PAGE.read_text(encoding="utf-8"))[1:]
    return [_section(code, text) for code, text in zip(parts[::2], parts[1::2], strict=True)]


def _section(code: str, text: str) -> Section:
    blocks = re.findall(r"(?ms)^```(.*?)\n(.*?)^```$", text)
    bad, told, good = blocks
    return Section(code, text.strip().partition("\n\n")[0], _example(*bad), told[1], _example(*good))


def _example(info: str, text: str) -> Example:
    language, kind, quality = info.split()
    content = eval(text, {"__builtins__": {"range": range}}) if language == "python" else text
    return Example(kind, quality == "good", content)  # type: ignore[arg-type]


def check(example: Example, folder: Path, code: str) -> list[Problem]:
    """What a check finds in an example, its places told as seen in the fragment."""
    folder.mkdir()
    (folder / "protocol.md").write_text("The protocol.\n")
    file, text, above, left = _placed(example, code)
    if example.kind == "path":
        checked = list(check_paths([str(example.text).removeprefix("$ prescreen check ").strip()]))
    else:
        path = folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        checked = list(check_paths([str(folder)]))
    found = [problem for result in checked for problem in result.problems]
    return [
        _seen_from(problem, above, left) for problem in found if problem.code == code or problem.code not in UNSHOWN
    ]


def _placed(example: Example, code: str) -> tuple[str, str | bytes, int, int]:
    """The file and its text, and how many lines and columns are before the fragment."""
    text = example.text
    if isinstance(text, bytes) or example.kind in ("trial", "path"):
        return "T1/trial.yaml", text, 0, 0
    if example.kind == "catalogue":
        head = "schema: prescreen/catalogue/1\n"
        return "catalogue/own.yaml", head + text, 1, 0
    ages = "" if code == "no-window" else AGES
    if example.kind == "top":
        own = text if "results_within" in text else AGES + text
        above = TOP + own.removesuffix(text)
        return "T1/trial.yaml", above + text + FEMALE, above.count("\n"), 0
    above = TOP + ages + NAMES + "criteria:\n"
    left = 2
    if example.kind in ("condition", "exclusion"):
        kind = "exclude_if" if example.kind == "exclusion" else "include_if"
        above += f"  - id: I1\n    text: What the protocol says.\n    {kind}:\n"
        left = 6
    elif example.kind == "case":
        above += "  - id: I1\n    text: Female.\n    include_if: {sex: female}\n    cases:\n"
        left = 6
    lines = "".join(f"{' ' * left}{line}\n" for line in text.splitlines())
    return "T1/trial.yaml", above + lines, above.count("\n"), left


def _seen_from(problem: Problem, above: int, left: int) -> Problem:
    name = "own.yaml" if (problem.file or "").endswith("own.yaml") else "trial.yaml"
    if problem.line is None:
        return replace(problem, file=name if (problem.file or "").endswith(".yaml") else problem.file)
    line, column = problem.line - above, (problem.column or 1) - left
    source = problem.source_line[left:] if problem.source_line is not None else None
    return replace(problem, file=name, line=line, column=column, source_line=source)
