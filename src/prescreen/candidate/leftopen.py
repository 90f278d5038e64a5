"""What a record that cannot be read leaves open: records that decide nothing which it may have said.

Data from elsewhere (tables, FHIR) is read tolerantly (semantics §9). A bad record is never dropped; in its place stand
records from which no status follows that some reading of it contradicts:

- a result decides nothing, on the day that is written, or on any day where that cannot be read;
- a result whose code cannot be read may be of every observation;
- an event whose code cannot be read may be of every concept of its list (semantics §10, codes without a hierarchy);
- a date that cannot be read may be any, as where none is written; a status, any; an end, also none yet;
- a record that may deny something, and cannot be read, both says and denies it, so that neither holds.

Records are plain data in the shape of the candidate's JSON, so that they are checked as any others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from prescreen.catalogue import Catalogue, Domain
from prescreen.quantities import Unreadable, read_value

Record = dict[str, Any]

UNREADABLE: Final = "unreadable"
"""The system of a code that cannot be read: one of which no concept has codes, so that it may be any."""
NOT_READABLE: Final = "(not readable)"
"""How a value ends that shows what was written and decides nothing."""
NO_ANSWER: Final = "not readable"
"""An answer that none of a question's options is, so that it decides nothing."""

_MOST_OF_NO_CODE: Final = 100  # results whose code cannot be read, each of every observation
_HARMLESS: Final = frozenset({"id", "source", "display"})
_LASTING: Final = ("active", "ongoing")
_DENYING: Final = ("never", "not-done")
_TIMES: Final = frozenset({"date", "onset", "abatement", "start", "end"})


def open_result(record: Record, bad: Collection[str]) -> Record:
    """A result of which some keys cannot be read; without them, and deciding nothing, unless they are harmless.

    Where `verification` is among them it may be refuted: then there is no result on its day, and it has none.
    """
    if not _HARMLESS.issuperset(bad):
        if not isinstance(read_value(record["value"]), Unreadable):
            record["value"] = undecided(record["value"])
        record |= {name: None for name in bad if name not in ("value", "code")}
        if "verification" in bad:
            record["date"] = None
    return record


def undecided(value: int | Decimal | str | None) -> str:
    """A result that shows what was written and decides nothing, since no result is written so."""
    return f"{'' if value is None else str(value)[:80]} {NOT_READABLE}"


def of_every_observation(records: list[Record], catalogue: Catalogue) -> list[Record]:
    """Results whose code cannot be read: such a result of each observation. Of very many, the first, of any day."""
    if len(records) > _MOST_OF_NO_CODE:
        records = [{**record, "date": None} for record in records[:_MOST_OF_NO_CODE]]
    return [kept({**record, "code": name, "unit": None}) for record in records for name in catalogue.observations]


class OpenEvents:
    """Makes what events leave open of which something cannot be read; one for each candidate."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._all_denied: set[Domain] = set()

    def leave_open(self, domain: Domain, record: Record, bad: Collection[str]) -> tuple[list[Record], str]:
        """The records in place of one, and in words what became of it. bad: keys that cannot be read."""
        if "code" in bad:
            record["code"] = {"system": UNREADABLE, "code": str(record["code"] or "none")}
        if may_deny(domain, record, bad):
            outcome = "read as both said and denied"
            found = self._said_and_denied(domain, record, "code" in bad)
        else:
            outcome = "left open"
            for name in bad:
                if name != "code":
                    record[name] = None
            if not {"end", "abatement"}.isdisjoint(bad) and record.get("status") in _LASTING:
                record["status"] = None  # it may have ended
            found = [kept(record)]
        if "code" in bad:
            outcome = f"it may be any of the {domain}, " + outcome
        return found, outcome

    def _said_and_denied(self, domain: Domain, record: Record, any_code: bool) -> list[Record]:
        """Records that together leave everything open that a record may have confirmed or ruled out."""
        same = {name: record.get(name) for name in ("id", "source")}
        denied: Iterable[Any] = [record["code"]]
        if any_code:
            concepts = self._catalogue.events[domain]
            denied = [] if domain in self._all_denied else [n for n, each in concepts.items() if not each.parents]
            self._all_denied.add(domain)
        return [
            *(kept({**same, "code": code, "verification": "refuted"}) for code in denied),
            kept({**same, "code": record["code"], "verification": "provisional"}),
        ]


def may_deny(domain: Domain, record: Mapping[str, Any], bad: Collection[str]) -> bool:
    """Whether a bad record may be one that rules something out, in a way that cannot be read."""
    if "verification" in bad or ("status" in bad and domain in ("treatments", "procedures")):
        return True
    denies = record["verification"] == "refuted" or record.get("status") in _DENYING
    return denies and not (_TIMES | {"code"}).isdisjoint(bad)


def kept(record: Mapping[str, Any]) -> Record:
    """A record without the keys that have nothing."""
    return {key: value for key, value in record.items() if value is not None}
