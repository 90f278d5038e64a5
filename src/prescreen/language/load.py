"""From a rule folder, file, bundled id or plain data to a checked `Trial`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prescreen.catalogue import Catalogue, bundled_catalogue, read_catalogue
from prescreen.language.model import Trial
from prescreen.language.source import Source, from_plain, plain_data, shown
from prescreen.language.trial import read_trial
from prescreen.problems import InputRefused, Problem, did_you_mean
from prescreen.yamlio import MAX_BYTES, Node, read_yaml

BUNDLED = Path(__file__).parent.parent / "bundled"
RULE_FILE = "trial.yaml"


def load_trial(source: str | Path | Mapping[str, object], *, catalogue: Catalogue | None = None) -> Trial:
    """The trial of a rule file, every name resolved, every quantity converted, every mistake reported.

    source: a folder with a trial.yaml, a trial.yaml, the id of a bundled trial, or the same content as plain Python
    data (numbers as int, Decimal, float or text). catalogue: the codes to use; by default the bundled ones, extended
    by a folder `catalogue/` beside the trial's own. Raises InputRefused with all that is wrong, and where.
    """
    if isinstance(source, Mapping):
        root, reading = from_plain(source, None)
        text = json.dumps(plain_data(root), sort_keys=True, default=str)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        trial, problems = _read(reading, root, catalogue or bundled_catalogue(), sha256)
    else:
        rules = read_rules(source, catalogue=catalogue)
        trial, problems = rules.trial, [*rules.catalogue_problems, *rules.problems]
    if trial is None or problems:
        raise InputRefused(problems)
    return trial


@dataclass(frozen=True, slots=True)
class Rules:
    """A rule file as far as it can be read.

    file: its name. text, root: what it says; the root is None where it is not YAML. trial: without the criteria that
    are wrong; None where nothing can be made of it. problems: everything that is wrong with it, in its order.
    catalogue: the codes it was read with; catalogue_problems: what is wrong with the folder beside it.
    """

    file: str
    text: str
    root: Node | None
    trial: Trial | None
    problems: tuple[Problem, ...]
    catalogue: Catalogue
    catalogue_problems: tuple[Problem, ...] = ()


def read_rules(source: str | Path, *, catalogue: Catalogue | None = None) -> Rules:
    """A rule file with every mistake in it. Raises InputRefused where there is no file to read."""
    path = _rule_file(source)
    content = _content(path)
    refused: list[Problem] = []
    if catalogue is None:
        folder = catalogue_beside(path.parent)
        catalogue, refused = read_catalogue(folder) if folder else (bundled_catalogue(), [])
    root, problems = read_yaml(content, str(path))
    if root is None:
        return Rules(str(path), "", None, None, tuple(problems), catalogue, tuple(refused))
    text = content.decode("utf-8-sig")
    reading = Source(str(path), re.split("\r\n|[\r\n\x85\u2028\u2029]", text))
    trial, found = _read(reading, root, catalogue, hashlib.sha256(content).hexdigest())
    # what YAML itself could not make sense of has no meaning to be judged either
    told = {(problem.line, problem.column) for problem in problems}
    problems += [problem for problem in found if (problem.line, problem.column) not in told]
    problems.sort(key=lambda problem: problem.line or len(text))
    return Rules(str(path), text, root, trial, tuple(problems), catalogue, tuple(refused))


def _read(source: Source, root: Node, catalogue: Catalogue, sha256: str) -> tuple[Trial | None, list[Problem]]:
    """The trial as far as it can be read, None where reading was given up, and what is wrong with it."""
    try:
        trial = read_trial(source, root, catalogue, sha256)
    except InputRefused as refused:
        return None, list(refused.problems)
    return trial, source.in_order()


def bundled_trials() -> tuple[str, ...]:
    """The ids of the trials that come with the program."""
    return tuple(sorted(path.parent.name for path in BUNDLED.glob(f"*/{RULE_FILE}")))


def _rule_file(source: str | Path) -> Path:
    """The file that a folder, file name or bundled id stands for."""
    path = Path(source)
    try:
        in_folder = path.is_dir()
        path = path / RULE_FILE if in_folder else path
        found, known = path.exists(), bundled_trials()
    except OSError as error:
        raise _unreadable(source, error) from None
    if found:
        return path
    if isinstance(source, str) and source in known:
        return BUNDLED / source / RULE_FILE
    if in_folder:
        message, hint = f"the folder has no {RULE_FILE}", "name a trial's own folder"
    else:
        message = "there is no such file, folder or bundled trial"
        hint = did_you_mean(str(source), known) or "name a folder, a trial.yaml or the id of a bundled trial"
    raise InputRefused([Problem("missing-file", message, shown(str(source), 200), hint=hint)])


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():  # a pipe or device might never end
            raise InputRefused([Problem("unreadable", "this is no ordinary file", str(path))])
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # one byte too many is refused as too large
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(source: str | Path, error: OSError) -> InputRefused:
    reason = (error.strerror or "unknown reason").lower()
    return InputRefused([Problem("unreadable", f"cannot be read: {reason}", shown(str(source), 200))])


def catalogue_beside(folder: Path) -> Path | None:
    """The `catalogue/` beside a trial's folder that extends the bundled catalogue; None where none does."""
    try:
        beside, bundled = folder.resolve().parent / "catalogue", BUNDLED / "catalogue"
        extends = beside.is_dir() and not beside.samefile(bundled) and _files(beside) != _files(bundled)
    except OSError as error:
        raise _unreadable(folder, error) from None
    return beside if extends else None


def _files(folder: Path) -> dict[str, bytes]:
    """The rule files' own catalogue as bytes by name: an installed program holds a copy of the repository's."""
    return {path.name: path.read_bytes() for path in folder.glob("*.y*ml") if path.is_file()}
