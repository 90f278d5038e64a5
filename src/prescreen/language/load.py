"""From a rule folder, file, bundled id or plain data to a checked `Trial`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from prescreen.catalogue import Catalogue, bundled_catalogue, load_catalogue
from prescreen.language.model import Trial
from prescreen.language.source import Source, from_plain, plain_data
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
    path = Path(source)
    try:
        if path.is_dir():
            path = path / RULE_FILE
            if not path.exists():
                message = f"the folder has no {RULE_FILE}"
                raise InputRefused([Problem("missing-file", message, str(source), hint="name a trial's own folder")])
        if path.exists():
            return path
        known = bundled_trials()
    except (OSError, ValueError) as error:
        raise _unreadable(source, error) from None
    if isinstance(source, str) and source in known:
        return BUNDLED / source / RULE_FILE
    message = "there is no such file, folder or bundled trial"
    hint = did_you_mean(str(source), known) or "name a folder, a trial.yaml or the id of a bundled trial"
    raise InputRefused([Problem("missing-file", message, str(source), hint=hint)])


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():  # a pipe or device might never end
            raise InputRefused([Problem("unreadable", "this is no ordinary file", str(path))])
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # one byte too many is refused as too large
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(source: str | Path, error: OSError | ValueError) -> InputRefused:
    reason = (error.strerror if isinstance(error, OSError) else None) or "the name is no path"
    return InputRefused([Problem("unreadable", f"cannot be read: {reason.lower()}", str(source)[:200])])


def _catalogue_beside(folder: Path) -> Catalogue:
    """The bundled catalogue, extended by a `catalogue/` beside a trial's folder unless it is the bundled one."""
    try:
        beside = (folder.resolve().parent / "catalogue").resolve()
        own = beside.is_dir() and beside != (BUNDLED / "catalogue").resolve()
    except OSError as error:  # pragma: no cover - a loop of links that opened a moment ago
        raise _unreadable(folder, error) from None
    return load_catalogue(beside) if own else bundled_catalogue()
