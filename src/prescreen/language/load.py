"""From a rule folder, file, bundled id or plain data to a checked `Trial`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from prescreen.catalogue import Catalogue, bundled_catalogue, load_catalogue
from prescreen.language.model import Trial
from prescreen.language.source import Source, from_plain, plain_data, shown
from prescreen.language.trial import read_trial
from prescreen.problems import InputRefused, Problem, did_you_mean
from prescreen.yamlio import MAX_BYTES, load_yaml

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
        return read_trial(reading, root, catalogue or bundled_catalogue(), sha256)
    path = _rule_file(source)
    content = _content(path)
    root = load_yaml(content, str(path))
    lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", content.decode("utf-8-sig"))
    sha256 = hashlib.sha256(content).hexdigest()
    return read_trial(Source(str(path), lines), root, catalogue or _catalogue_beside(path.parent), sha256)


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


def _catalogue_beside(folder: Path) -> Catalogue:
    """The bundled catalogue, extended by a `catalogue/` beside a trial's folder unless that is the bundled one."""
    try:
        beside, bundled = folder.resolve().parent / "catalogue", BUNDLED / "catalogue"
        extends = beside.is_dir() and not beside.samefile(bundled) and _files(beside) != _files(bundled)
    except OSError as error:
        raise _unreadable(folder, error) from None
    return load_catalogue(beside) if extends else bundled_catalogue()


def _files(folder: Path) -> dict[str, bytes]:
    """The rule files' own catalogue as bytes by name: an installed program holds a copy of the repository's."""
    return {path.name: path.read_bytes() for path in folder.glob("*.y*ml") if path.is_file()}
