"""Tables into numbers: one pass over each, its texts replaced by the numbers of their spellings, cut into shards.

A shard is a block of candidates, in the order in which they first appear. Rows that no criterion asks for are left out;
candidates with a row that the columns cannot be sure of are marked `odd`, and go to the direct evaluator as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from prescreen.candidate.checks import is_id, problems_of_meaning
from prescreen.candidate.structure import quoted
from prescreen.catalogue import DOMAINS, Catalogue, ObservationConcept
from prescreen.catalogue.model import Domain
from prescreen.cohort.algebra import Reading, Spelling
from prescreen.cohort.coding import CODE, DATES
from prescreen.cohort.judging import WRITTEN
from prescreen.cohort.person import BIRTH, SEXES, born
from prescreen.cohort.spelling import Ids, Pool, packed
from prescreen.problems import InputRefused, Problem
from prescreen.quantities import Number, Unreadable, read_value
from prescreen.quantities.numerals import parse_decimal
from prescreen.tables import TABLES, Row, Source, TableIssue, Tables, read_rows
from prescreen.tables.dataset import as_text, unreadable
from prescreen.time import parse_when

if TYPE_CHECKING:
    import pyarrow as pa

BATCH: Final = 1 << 20
NOBODY: Final = -1
_IGNORED: Final = frozenset({"display", "id", "source", "for_display"})
_VERIFICATIONS: Final = (None, "confirmed", "provisional", "refuted")
_MOST_DIRECT: Final = 1 << 23
_ONCE: Final = {"persons": None, "answers": "asked", "anchors": "anchor", "complete": "declared"}
"""Tables of which a candidate has one row for each spelling of a column."""
_NO_CONCEPT: Final = 0
_UNKNOWN_CODE: Final = 1
FIRST_CONCEPT: Final = 2

Columns = dict[str, Ids]
"""Numbers of spellings by column; `owner` is the candidate's place in its shard."""


@dataclass
class Shard:
    """The rows of a block of candidates, in pieces as they were read. odd: candidates that columns do not decide, each
    once when all is read."""

    number: int
    first: int
    pieces: dict[str, list[Columns]] = field(default_factory=dict)
    odd: list[Ids] = field(default_factory=list)
    spilled: list[tuple[str, Path]] = field(default_factory=list)

    def table(self, name: str) -> Columns | None:
        """Its rows of one table, which stay where they are."""
        found = [_stored(path) for table, path in self.spilled if table == name] + self.pieces.get(name, [])
        return joined(found) if found else None

    def rows(self) -> dict[str, Columns]:
        """Its rows by table, those on disk first; they are taken out of the shard."""
        pieces: dict[str, list[Columns]] = {}
        for table, path in self.spilled:
            pieces.setdefault(table, []).append(_stored(path))
            path.unlink()
        for table, some in self.pieces.items():
            pieces.setdefault(table, []).extend(some)
        self.spilled, self.pieces = [], {}
        return {table: joined(some) for table, some in pieces.items()}


def _stored(path: Path) -> Columns:
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def joined(pieces: list[Columns]) -> Columns:
    if len(pieces) == 1:
        return pieces[0]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


Progress = Callable[[str, int], None]


class Scan:
    """Reads all tables of a cohort. concepts: the observations that are asked for."""

    def __init__(
        self, tables: Tables, catalogue: Catalogue, concepts: Sequence[str], domains: Sequence[str], day: int,
        block: int, budget: int = 1 << 31, spill: Path | None = None,
    ) -> None:  # fmt: skip
        """budget: bytes of rows that are kept in memory; what is more goes into the folder `spill`."""
        self.budget = budget
        self.spill = spill
        self.size = 0
        self.tables = tables
        self.catalogue = catalogue
        self.day = day
        self.block = block
        self.candidates: dict[str, int] = {}
        self.shards: list[Shard] = []
        self.pools: dict[tuple[str, str], Pool] = {}
        self.rows: dict[str, int] = {}
        self.nobody = 0
        self.concepts = {name: number for number, name in enumerate(concepts, FIRST_CONCEPT)}
        self.domains = frozenset(domains)
        self._below_zero: Ids = np.zeros(0, bool)
        self._systems: dict[str | None, bool] = {}
        self._signatures: dict[str, tuple[str, ...]] = {}
        self._make_pools()

    # --- spellings ------------------------------------------------------------------------------------

    def _make_pools(self) -> None:
        def date(spelling: Spelling) -> bool:
            return spelling[0] is None or _is_date(spelling[0])

        def number(spelling: Spelling) -> bool:
            return spelling[0] is None or _is_number(spelling[0])

        self.pools["observations", "date"] = Pool(["date"], date)
        for column in ("low", "high", "detection_limit"):
            self.pools["observations", column] = Pool([column], number)
        self.pools["observations", "value"] = Pool(["value"], _is_value)
        self.pools["observations", "verification"] = Pool(["verification"], lambda _: True)
        for column in ("unit", "range_unit"):
            self.pools["observations", column] = Pool([column], lambda _: True)
        self.pools["observations", "coded"] = Pool(["system", "code"], self._is_coded)
        self.pools["persons", "born"] = Pool(BIRTH, self._is_birth)
        self.pools["persons", "sex"] = Pool(["sex"], lambda _: True)
        for domain in DOMAINS:
            for column in dict.fromkeys((*DATES[domain], "date")):
                self.pools[domain, column] = Pool([column], date)
            columns = self.signature(domain)
            self.pools[domain, "words"] = Pool(columns, self._event_check(domain, columns))
        self.pools["answers", "asked"] = Pool(["trial", "question"], _is_asked)
        self.pools["answers", "value"] = Pool(["value"], lambda _: True)
        self.pools["anchors", "anchor"] = Pool(["anchor"], lambda s: s[0] is not None)
        self.pools["anchors", "date"] = Pool(["date"], date)
        self.pools["complete", "domain"] = Pool(["domain"], lambda s: s[0] in DOMAINS)
        self.pools["complete", "declared"] = Pool(["domain", "through", "systems"], self._is_declared)

    def signature(self, domain: str) -> tuple[str, ...]:
        """The columns of an event record besides its dates, as far as they are there; status always."""
        found = self._signatures.get(domain)
        if found is None:
            source = self.tables.sources.get(domain)
            there = {"system", "code", "status", *(() if source is None else source.columns)}
            apart = {"candidate", "date", *DATES[domain], *_IGNORED}  # type: ignore[index]
            names = TABLES[domain].names
            found = self._signatures[domain] = tuple(name for name in names if name in there and name not in apart)
        return found

    def concept(self, code: str) -> ObservationConcept:
        return self.catalogue.observations[code]

    def _is_coded(self, spelling: Spelling) -> bool:
        return self._is_code("observations", spelling)

    def _is_code(self, table: str, spelling: Spelling) -> bool:
        """Whether a code can be read: a name of the catalogue, or one of a system, listed or not."""
        system, code = spelling
        if code is None:
            return False
        record = {"code": code if system is None else {"system": system, "code": code}}
        return not problems_of_meaning({"id": "row", table: [record]}, self.catalogue)

    def _is_birth(self, spelling: Spelling) -> bool:
        birth, age, on = spelling
        if age is not None or on is not None:
            return self._reads("persons", dict(zip(BIRTH, spelling, strict=True))) and born(spelling) is not None
        return birth is None or (_is_date(birth) and parse_when(birth).first_day <= self.day)

    def _is_declared(self, spelling: Spelling) -> bool:
        domain, through, systems = spelling
        if domain not in DOMAINS or through is None:
            return False
        known = self._systems.get(systems)
        if known is None:
            cells = {"domain": domain, "through": "true", "systems": systems}
            known = self._systems[systems] = self._reads("complete", cells)
        return known and (through.casefold() in ("true", "false") or _is_date(through))

    def _event_check(self, domain: Domain, columns: tuple[str, ...]) -> Callable[[Spelling], bool]:
        """Whether the words of an event can be read: the code, and what else it says, each once for all records."""
        known: dict[tuple[str, Spelling], bool] = {}
        some_code = next(iter(self.catalogue.events[domain]))
        groups = [
            some
            for group in (
                CODE, ("status",), ("verification",), ("dose_value", "dose_unit"),
                ("daily_dose_value", "daily_dose_unit"), ("for", "for_system"),
                ("severity", "site", "confirmed_by", "route", "outcome"),
            )
            if (some := tuple(name for name in group if name in columns))
        ]  # fmt: skip

        def sound(group: tuple[str, ...], spelling: Spelling) -> bool:
            key = (group[0], spelling)
            if key not in known:
                if group == CODE:
                    known[key] = self._is_code(domain, spelling)
                else:
                    cells = {"code": some_code, **dict(zip(group, spelling, strict=True))}
                    known[key] = self._reads(domain, cells)
            return known[key]

        def check(spelling: Spelling) -> bool:
            cell = dict(zip(columns, spelling, strict=True))
            return all(sound(group, tuple(cell[name] for name in group)) for group in groups)

        return check

    def _reads(self, table: str, cells: Mapping[str, str | None]) -> bool:
        """Whether a row of these cells is read without a word."""
        row = Row(1, {name: cell for name, cell in cells.items() if cell})
        return not read_rows("row", {table: [row]}, self.catalogue, self.day).issues

    # --- tables ---------------------------------------------------------------------------------------

    def run(self, progress: Progress) -> None:
        """Read every table that is there."""
        for name in TABLES:
            source = self.tables.sources.get(name)
            if source is None or (name in DOMAINS and name not in self.domains):
                if source is not None:
                    self._only_candidates(source, progress)
                continue
            reader = getattr(self, f"_{name}", None) or self._events
            for batch in self._batches(source, self._columns(source)):
                self.rows[name] = self.rows.get(name, 0) + batch.num_rows
                reader(source, batch)
                progress(name, batch.num_rows)
        for table in self.tables.sources:
            for identity, _ in self.tables.rejected(table):
                if identity is not None:
                    self._mark(np.asarray([self.owner(identity)]))
                else:
                    self.nobody += 1
        for shard in self.shards:
            found = [*shard.odd, *self._twice(shard)]
            shard.odd = [np.unique(np.concatenate(found))] if found else []

    def odd(self) -> list[int]:
        """The candidates that columns do not decide, by their places in the cohort, in order."""
        return [place for shard in self.shards for some in shard.odd for place in (some + shard.first).tolist()]

    def _twice(self, shard: Shard) -> Iterator[Ids]:
        """The candidates of a shard who say something twice."""
        for table, column in _ONCE.items():
            rows = shard.table(table)
            if rows is None:
                continue
            keys, sizes = [rows["owner"]], [self.block]
            if column is not None:
                numbers, size = rows[column], len(self.pools[table, column])
                if table == "complete":
                    domains = [spelling[0] for spelling in self.pools[table, column].spellings]
                    numbers = np.unique(np.asarray(domains, str), return_inverse=True)[1][numbers]
                keys.append(numbers)
                sizes.append(size)
            said = packed(keys, sizes)
            values, counts = np.unique(said, return_counts=True)
            yield rows["owner"][np.isin(said, values[counts > 1])]

    def issues(self) -> list[TableIssue]:
        """What is wrong with rows whose candidates are decided by columns all the same."""
        return [*self._other_sexes(), *self._other_verifications()]

    def _other_verifications(self) -> list[TableIssue]:
        """Results whose verification cannot be read: they decide nothing."""
        source = self.tables.sources.get("observations")
        if source is None or "verification" not in source.columns or not self._unverified().any():
            return []
        cell = as_text("verification", source.columns["verification"])
        value = as_text("value", source.columns["value"]) if "value" in source.columns else "NULL"
        query = (
            f"SELECT CAST(candidate AS VARCHAR), row_number_, file_, {cell}, COALESCE({value}, '') = '' "
            f"FROM {source.scan(numbered=True)} WHERE {cell} NOT IN ('', 'confirmed', 'provisional', 'refuted') "
            "AND candidate <> '' ORDER BY ALL"
        )
        words: dict[tuple[str, bool], TableIssue] = {}
        found: list[TableIssue] = []
        code = next(iter(self.catalogue.observations))
        for candidate, number, file, text, empty in self.tables.query(query, [], "observations"):
            known = words.get((text, empty))
            if known is None:
                row = Row(1, {"code": code, "verification": text, **({} if empty else {"value": "1"})})
                read = read_rows("row", {"observations": [row]}, self.catalogue, self.day)
                known = words[text, empty] = read.issues[0]
            name = Path(file).name if source.several and file else None
            found.append(TableIssue(known.code, "observations", number, candidate, known.message, name))
        return found

    def _other_sexes(self) -> list[TableIssue]:
        """What is wrong with persons whose candidates are decided all the same: another sex is none that is known."""
        source = self.tables.sources.get("persons")
        others = [text for (text,) in self.pools["persons", "sex"].spellings if text not in (None, *SEXES)]
        if source is None or not others:
            return []
        sex = as_text("sex", source.columns["sex"])
        query = (
            f"SELECT CAST(candidate AS VARCHAR), row_number_, file_, {sex} FROM {source.scan(numbered=True)} "
            f"WHERE {sex} NOT IN ('', 'female', 'male') ORDER BY ALL"
        )
        return [
            TableIssue(
                "wrong-value", "persons", row, candidate, f"the sex {quoted(text)} is none of female, male; not used",
                Path(file).name if source.several and file else None,
            )
            for candidate, row, file, text in self.tables.query(query, [], "persons")
        ]  # fmt: skip

    def _only_candidates(self, source: Source, progress: Progress) -> None:
        """Who is named in a table that no criterion asks of."""
        for batch in self._batches(source, ("candidate",)):
            self._owners(batch)
            progress(source.table, batch.num_rows)

    def _columns(self, source: Source) -> tuple[str, ...]:
        return tuple(name for name in source.columns if name not in _IGNORED)

    def _batches(self, source: Source, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The table by batches, every column of texts as numbers of a dictionary."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if source.kind == "parquet" and all(source.columns[name] == "VARCHAR" for name in columns):
            try:
                for path in source.files:
                    names = {n.lower(): n for n in pq.read_schema(path).names}
                    there = [name for name in columns if name in names]
                    wanted = [names[name] for name in there]
                    with pq.ParquetFile(path, read_dictionary=wanted, page_checksum_verification=True) as file:
                        for group in range(file.num_row_groups):
                            read = file.read_row_group(group, wanted, use_threads=True)
                            read.validate(full=True)  # a damaged file may name texts that are not there
                            read = read.rename_columns([name.lower() for name in read.column_names]).select(there)
                            for name in columns:
                                if name not in there:
                                    read = read.append_column(name, pa.nulls(read.num_rows, pa.string()))
                            yield from read.combine_chunks().to_batches()
            except (pa.ArrowInvalid, OSError) as error:
                raise unreadable(self.tables.path, source.table, error) from None
            return
        import duckdb

        # Candidates are named as wherever else they are looked for, even where an id is a list.
        chosen = ", ".join(
            'CAST(candidate AS VARCHAR) AS "candidate"'
            if name == "candidate"
            else f'{as_text(name, source.columns[name])} AS "{name}"'
            for name in columns
        )
        try:
            # On the connection itself, which notes the lines that cannot be taken apart.
            yield from self.tables.connection.sql(f"SELECT {chosen} FROM {source.scan()}").to_arrow_reader(BATCH)
        except (duckdb.Error, pa.ArrowInvalid) as error:
            raise unreadable(self.tables.path, source.table, error) from None

    def owner(self, identity: str) -> int:
        number = len(self.candidates)
        found = self.candidates.setdefault(identity, number)
        if found == number:
            while found >= len(self.shards) * self.block:
                self.shards.append(Shard(len(self.shards), len(self.shards) * self.block))
            if not is_id(identity):
                self._mark(np.asarray([found]))
        return found

    def _owners(self, batch: pa.RecordBatch) -> Ids:
        """The candidate of each row, numbered through the cohort; NOBODY where none is named."""
        numbers, texts = _dictionary(batch.column("candidate"))
        known = self.candidates
        found = [known.get(text, NOBODY) for text in texts]  # type: ignore[arg-type]
        if NOBODY in found:
            found = [self.owner(text) if text else NOBODY for text in texts]
        owners: Ids = np.asarray([NOBODY, *found], np.int64)[numbers]
        self.nobody += int((owners == NOBODY).sum())
        return owners

    def _numbers(self, table: str, batch: pa.RecordBatch, column: str) -> Ids:
        """A column as the numbers of its spellings."""
        pool = self.pools[table, column]
        if column not in batch.schema.names:
            return np.zeros(batch.num_rows, np.uint8)
        numbers, texts = _dictionary(batch.column(column))
        of_text = np.concatenate([np.zeros(1, np.int32), pool.numbers(texts)])
        return of_text.astype(pool.type, copy=False)[numbers]

    def _together(self, table: str, batch: pa.RecordBatch, name: str, columns: Sequence[str]) -> Ids:
        """Several columns as the numbers of their spellings together."""
        pool = self.pools[table, name]
        read = [
            _dictionary(batch.column(column))
            if column in batch.schema.names
            else (np.zeros(batch.num_rows, np.int64), [])
            for column in columns
        ]
        first, inverse = _distinct([numbers for numbers, _ in read], [len(texts) + 1 for _, texts in read])
        cells = []
        for numbers, texts in read:
            text_of = [None, *(text or None for text in texts)]
            cells.append([text_of[number] for number in numbers[first].tolist()])
        found = np.asarray([pool.number(spelling) for spelling in zip(*cells, strict=True)], np.int32)
        together: Ids = found.astype(pool.type, copy=False)[inverse]
        return together

    def _unsound(self, table: str, columns: Mapping[str, Ids]) -> Ids | None:
        """Rows with a spelling that cannot be read."""
        found: Ids | None = None
        for name, numbers in columns.items():
            pool = self.pools.get((table, name))
            if pool is not None and not pool.all_sound:
                bad = ~pool.soundness()[numbers]
                found = bad if found is None else found | bad
        return found

    def _mark(self, owners: Ids) -> None:
        for number in np.unique(owners[owners >= 0] // self.block):
            shard = self.shards[number]
            shard.odd.append(np.unique(owners[owners // self.block == number]) - shard.first)

    def _keep(self, table: str, owners: Ids, columns: Columns, bad: Ids | None, asked: Ids | None = None) -> None:
        """Mark the candidates of bad rows, and hand the other rows that are asked for to their shards."""
        if bad is not None and bad.any():
            self._mark(owners[bad])
        kept = owners >= 0
        if bad is not None:
            kept &= ~bad
        if asked is not None:
            kept &= asked
        if not kept.all():
            owners = owners[kept]
            columns = {name: numbers[kept] for name, numbers in columns.items()}
        if not len(owners):
            return
        blocks = owners // self.block
        if (blocks[1:] < blocks[:-1]).any():
            order = np.argsort(blocks, kind="stable")
            owners, blocks = owners[order], blocks[order]
            columns = {name: numbers[order] for name, numbers in columns.items()}
        edges = np.flatnonzero(np.diff(blocks)) + 1
        for start, end in zip([0, *edges], [*edges, len(blocks)], strict=True):
            shard = self.shards[blocks[start]]
            piece: Columns = {name: numbers[start:end] for name, numbers in columns.items()}
            piece["owner"] = (owners[start:end] - shard.first).astype(np.int32)
            shard.pieces.setdefault(table, []).append(piece)
            self.size += sum(numbers.nbytes for numbers in piece.values())
        if self.size > self.budget and self.spill is not None:
            self._to_disk(self.spill)

    def _to_disk(self, folder: Path) -> None:
        """Put the rows of all shards on disk, and forget them."""
        for shard in self.shards:
            for table, pieces in shard.pieces.items():
                path = folder / f"rows-{shard.number:06}-{len(shard.spilled):04}.npz"
                np.savez(path, **joined(pieces))  # type: ignore[arg-type]
                shard.spilled.append((table, path))
            shard.pieces.clear()
        self.size = 0

    # one reader for each kind of table

    def _persons(self, source: Source, batch: pa.RecordBatch) -> None:
        owners = self._owners(batch)
        columns = {
            "born": self._together("persons", batch, "born", BIRTH),
            "sex": self._numbers("persons", batch, "sex"),
        }
        self._keep("persons", owners, columns, self._unsound("persons", columns))

    def _observations(self, source: Source, batch: pa.RecordBatch) -> None:
        owners = self._owners(batch)
        columns = {name: self._numbers("observations", batch, name) for name in (*WRITTEN, "date")}
        coded = self._together("observations", batch, "coded", ("system", "code"))
        concept = self._concepts()[coded]
        columns["coded"] = coded
        # A verification that cannot be read may say refuted: such a result decides nothing, and is of any day.
        unverified = self._unverified()[columns["verification"]]
        if unverified.any():
            readable = self.pools["observations", "date"].soundness()[columns["date"]]  # what is not is told, too
            columns["date"] = np.where(unverified & readable, 0, columns["date"])
        suspect = self._unsound("observations", columns)
        negative = self._negative()[columns["value"]]
        if negative.any():
            suspect = negative if suspect is None else suspect | negative
        upside_down = self._limits("low")[columns["low"]] >= self._limits("high")[columns["high"]]
        if upside_down.any():
            suspect = upside_down if suspect is None else suspect | upside_down
        if suspect is not None and suspect.any():
            self._look_closer(suspect, columns)
        del columns["coded"]
        columns["concept"] = concept
        self._keep("observations", owners, columns, suspect, concept >= FIRST_CONCEPT)

    def _unverified(self) -> Ids:
        pool = self.pools["observations", "verification"]
        return np.asarray([text not in _VERIFICATIONS for (text,) in pool.spellings], bool)

    def _negative(self) -> Ids:
        """Values below 0, which hardly any result may be: they are looked at again beside their code and unit."""
        pool, known = self.pools["observations", "value"], self._below_zero
        if len(known) < len(pool):
            new = np.asarray([_is_negative(spelling) for spelling in pool.spellings[len(known) :]], bool)
            self._below_zero = known = np.concatenate([known, new])
        return known

    def _look_closer(self, suspect: Ids, columns: Mapping[str, Ids]) -> None:
        """Take back the suspicion of rows that are read without a word as they stand (a base excess below 0)."""
        places = np.flatnonzero(suspect)
        names = (*(name for name in WRITTEN if name != "verification"), "date", "coded")
        sizes = [len(self.pools["observations", name]) for name in names]
        keys = packed([columns[name][places] for name in names], sizes)
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        verdicts = []
        for at in places[first]:
            cells: dict[str, str | None] = {}
            for name in names:
                pool = self.pools["observations", name]
                cells |= dict(zip(pool.columns, pool.spellings[columns[name][at]], strict=True))
            row = Row(1, {name: cell for name, cell in cells.items() if cell})
            verdicts.append(bool(read_rows("row", {"observations": [row]}, self.catalogue, self.day).issues))
        suspect[places] = np.asarray(verdicts, bool)[inverse]

    def is_readable(self, cells: Mapping[str, str | None]) -> bool:
        """Whether an observation of these cells is read without a word."""
        simple = True
        for (table, _), pool in self.pools.items():
            if table == "observations" and set(pool.columns) <= set(cells):
                simple &= pool.sound[pool.number(tuple(cells[name] for name in pool.columns))]
        simple &= not _is_negative((cells.get("value"),))
        low, high = cells.get("low"), cells.get("high")
        if simple and (low is None or high is None or float(low) < float(high)):
            return True
        return self._reads("observations", cells)

    def _limits(self, column: str) -> Ids:
        """Limits as floats; without one, an end that is never upside down."""
        nothing = -np.inf if column == "low" else np.inf
        pool = self.pools["observations", column]
        return np.asarray(
            [float(text) if text is not None and sound else nothing
             for (text,), sound in zip(pool.spellings, pool.sound, strict=True)]
        )  # fmt: skip

    def _concepts(self) -> Ids:
        """The number of the concept of each code that is asked for."""
        pool = self.pools["observations", "coded"]
        found = []
        for system, code in pool.spellings:
            concept = None
            if code is not None:
                concept = (
                    self.catalogue.observation(code) if system is None else self.catalogue.observation_for(system, code)
                )
            found.append(_NO_CONCEPT if concept is None else self.concepts.get(concept.name, _UNKNOWN_CODE))
        return np.asarray(found, np.uint16)

    def _events(self, source: Source, batch: pa.RecordBatch) -> None:
        domain = source.table
        owners = self._owners(batch)
        start, end = DATES[domain]  # type: ignore[index]
        columns = {name: self._numbers(domain, batch, name) for name in dict.fromkeys((start, end, "date"))}
        columns["words"] = self._together(domain, batch, "words", self.signature(domain))
        bad = self._unsound(domain, columns)
        if start != end:
            begins = self.pools[domain, start].read(_BEGINS, columns[start])
            upside_down = begins > self.pools[domain, end].read(_ENDS, columns[end])
            bad = upside_down if bad is None else bad | upside_down
        self._keep(domain, owners, columns, bad)

    def _answers(self, source: Source, batch: pa.RecordBatch) -> None:
        owners = self._owners(batch)
        columns = {
            "asked": self._together("answers", batch, "asked", ("trial", "question")),
            "value": self._numbers("answers", batch, "value"),
        }
        self._keep("answers", owners, columns, self._unsound("answers", columns), columns["value"] != 0)

    def _anchors(self, source: Source, batch: pa.RecordBatch) -> None:
        owners = self._owners(batch)
        columns = {name: self._numbers("anchors", batch, name) for name in ("anchor", "date")}
        self._keep("anchors", owners, columns, self._unsound("anchors", columns), columns["date"] != 0)

    def _complete(self, source: Source, batch: pa.RecordBatch) -> None:
        owners = self._owners(batch)
        columns = {"declared": self._together("complete", batch, "declared", ("domain", "through", "systems"))}
        self._keep("complete", owners, columns, self._unsound("complete", columns))


def _distinct(columns: Sequence[Ids], sizes: Sequence[int]) -> tuple[Ids, Ids]:
    """A row of each distinct combination of numbers, and which of these each row is of."""
    whole, room = columns[0].astype(np.int64), sizes[0]
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        if room * size > _MOST_DIRECT:
            first, whole = _numbered(whole, room)
            room = len(first)
        whole = whole * size + column
        room *= size
    return _numbered(whole, room)


def _numbered(keys: Ids, room: int) -> tuple[Ids, Ids]:
    """A row of each distinct key below `room`, and the number of each row's key among them."""
    if room > _MOST_DIRECT:
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        return first, inverse
    place: Ids = np.full(room, -1, np.int32)
    place[keys] = np.arange(len(keys), dtype=np.int32)  # some row of each
    met = np.flatnonzero(place >= 0)
    first = place[met].copy()
    place[met] = np.arange(len(met), dtype=np.int32)
    return first, place[keys]


def _begins(spelling: Spelling) -> int:
    """The first instant of a date; without one, an instant that is never too late."""
    return -1 if spelling[0] is None else parse_when(spelling[0]).low


def _ends(spelling: Spelling) -> int:
    """The last instant; without a date, one that is never too early."""
    return 1 << 62 if spelling[0] is None else parse_when(spelling[0]).high


_BEGINS: Final = Reading(("date",), "begins", _begins, truth=False)
_ENDS: Final = Reading(("date",), "ends", _ends, truth=False)


def _dictionary(column: Any) -> tuple[Ids, list[str | None]]:
    """A column of texts as numbers, 0 for NULL, and the texts of 1 and up."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        if pa.types.is_null(column.type):
            return np.zeros(len(column), np.int64), []
        column = column.dictionary_encode()
    numbers = column.indices
    texts: list[str | None] = column.dictionary.to_pylist()
    if numbers.null_count:
        return numbers.fill_null(-1).to_numpy(zero_copy_only=False) + 1, texts
    return numbers.to_numpy(zero_copy_only=False) + 1, texts


def _is_date(text: str) -> bool:
    try:
        parse_when(text)
    except ValueError:
        return False
    return True


def _is_asked(spelling: Spelling) -> bool:
    """Whether a question is surely named in one way only: `T:q` without a trial is the q of T, too."""
    trial, question = spelling
    return question is not None and ":" not in question and ":" not in (trial or "")


def _is_number(text: str) -> bool:
    number = parse_decimal(text)
    return number is not None and number >= 0


def _is_value(spelling: Spelling) -> bool:
    """Whether a value can be read, of some analyte."""
    return not isinstance(read_value(spelling[0], may_be_negative=True), Unreadable)


def _is_negative(spelling: Spelling) -> bool:
    """Whether a value, or the lowest that is said of it, is below 0."""
    written = read_value(spelling[0], may_be_negative=True)
    if not isinstance(written, Number):
        return False
    lowest = written.low if written.low is not None else written.high
    return lowest is not None and lowest < 0


def no_candidates(path: Path) -> InputRefused:
    return InputRefused([Problem("no-data", "the tables name no candidate", str(path))])
