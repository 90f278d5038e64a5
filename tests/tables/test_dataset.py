"""Tables where they lie: every form of them, what is not there, and files that are broken."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prescreen import InputRefused
from prescreen.candidate.profile import Profile
from prescreen.candidate.read import parse_candidate
from prescreen.catalogue import bundled_catalogue
from prescreen.tables import TableCandidate, open_tables, write_tables
from tests.candidate.examples import full

_NOON = datetime(2026, 5, 1, 12, 30)  # noqa: DTZ001 - as files have it
KNOWN = bundled_catalogue()


def csv(folder: Path, **tables: str) -> Path:
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
    return folder


def read(path: Path, identity: str = "C-1") -> TableCandidate:
    with open_tables(path) as tables:
        found = tables.read(identity, KNOWN)
    assert found is not None
    return found


def whole() -> Profile:
    return parse_candidate({**full(), "id": "C-1", "observations": full()["observations"][:4]})


def as_parquet(folder: Path) -> Path:
    write_tables([whole()], folder)
    return folder


def as_csv(folder: Path) -> Path:
    write_tables([whole()], folder, "csv")
    return folder


def as_gzip(folder: Path) -> Path:
    for path in as_csv(folder).glob("*.csv"):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    return folder


def as_folders(folder: Path) -> Path:
    for path in as_parquet(folder).glob("*.parquet"):
        inner = folder / path.stem
        inner.mkdir()
        (inner / "_SUCCESS").touch()
        whole = pq.read_table(path)
        pq.write_table(whole.slice(0, 1), inner / "part-0.parquet")
        pq.write_table(whole.slice(1), inner / "part-1.snappy.parquet")
        path.unlink()
    return folder


def as_database(folder: Path) -> Path:
    as_parquet(folder)
    with duckdb.connect(str(folder / "hospital.duckdb")) as connection:
        for path in folder.glob("*.parquet"):
            if path.stem == "answers":  # a view will do
                connection.execute(f"CREATE TABLE kept AS FROM '{path}'")
                connection.execute("CREATE VIEW answers AS FROM kept")
            else:
                connection.execute(f"CREATE TABLE {path.stem} AS FROM '{path}'")
    return folder / "hospital.duckdb"


@pytest.mark.parametrize("form", [as_parquet, as_csv, as_gzip, as_folders, as_database])
def test_every_form_gives_the_candidate(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    with open_tables(form(tmp_path / "tables"), memory="1GB", threads=1) as tables:
        found = tables.read("C-1", KNOWN)
        assert found is not None
        assert (found.candidate.profile, found.issues) == (whole(), ())
        assert tables.read("C-2", KNOWN) is None
        assert list(tables.ids()) == ["C-1"]
        assert tables.rejected("persons") == []
        assert tables.issues == []


def test_nothing_is_spilt_but_where_it_may_be(tmp_path: Path) -> None:
    csv(tmp_path, persons="candidate\nC-1\n")
    setting = "SELECT current_setting('temp_directory')"
    with open_tables(tmp_path) as tables:
        assert tables.query(setting, [], "persons") == [("",)]
    with open_tables(tmp_path, spill=tmp_path / "spill") as tables:
        assert tables.query(setting, [], "persons") == [(str(tmp_path / "spill"),)]
    assert [path.name for path in tmp_path.iterdir()] == ["persons.csv"]


def test_rows_are_told_by_file_where_there_are_several(tmp_path: Path) -> None:
    (tmp_path / "persons").mkdir()
    csv(tmp_path / "persons", a="candidate,sex\nC-0,male\n", b="candidate,sex\nC-1,F\nC-1,male\nC-1,M\n")
    assert [issue.place for issue in read(tmp_path).issues] == ["persons/b.csv row 1", "persons/b.csv row 3"]


def test_rows_of_several_large_files_are_told_by_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "persons").mkdir()
    for part, size in enumerate((3, 30_000, 50, 20_000)):
        lines = "".join(f"C{part}-{row},male\n" for row in range(1, size + 1))
        (tmp_path / "persons" / f"part-{part}.csv").write_text(f"candidate,sex\n{lines}")
    with open_tables(tmp_path, threads=4) as tables:
        scan = tables.sources["persons"].scan(numbered=True)
        found = tables.query(f"SELECT candidate, row_number_, file_ FROM {scan}", [], "persons")
    assert len(found) == 50_053
    for candidate, number, file in found:
        assert candidate == f"C{Path(file).stem.removeprefix('part-')}-{number}"


def test_typed_columns_are_read_by_their_text(tmp_path: Path) -> None:
    table = pa.table({
        "candidate": [1], "code": ["ALT"], "value": [1.8], "unit": ["U/L"], "high": pa.array([40], pa.int16()),
        "low": [float("nan")], "date": [date(2026, 5, 20)],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "observations.parquet")
    answers = pa.table({"candidate": [1], "question": ["fit"], "value": [True]})
    pq.write_table(answers, tmp_path / "answers.parquet")
    declared = pa.table({"candidate": [1], "domain": ["conditions"], "through": [_NOON],
                         "systems": [["snomed", "icd-10-cm"]]})  # fmt: skip
    pq.write_table(declared, tmp_path / "complete.parquet")
    found = read(tmp_path, "1")
    profile = found.candidate.profile
    assert profile.observations[0].date == "2026-05-20"
    assert str(profile.observations[0].value).startswith("1.8")
    assert profile.answers == {"fit": True}
    assert profile.complete.conditions.systems == ("snomed", "icd-10-cm")  # type: ignore[union-attr]
    assert profile.complete.conditions.through == "2026-05-01 12:30:00"  # type: ignore[union-attr]
    assert [issue.message for issue in found.issues] == ["low: `nan` is no number; it decides nothing"]


@pytest.mark.parametrize(
    "text",
    [
        "candidate,code,value\nC-1,ECOG,1\n",
        "\ufeffCandidate;CODE;value\r\nC-1;ECOG;1\r\n",
        "value\tcode\tcandidate\n1\tECOG\tC-1",
        '"candidate","code","value"\n"C-1","ECOG","1"\n',
    ],
)
def test_csv_as_programs_write_it(tmp_path: Path, text: str) -> None:
    found = read(csv(tmp_path, observations=text))
    assert [(record.code, record.value) for record in found.candidate.profile.observations] == [("ECOG", 1)]
    assert found.issues == ()


def test_lines_of_csv_that_cannot_be_taken_apart_are_bad_rows_of_whom_they_name(tmp_path: Path) -> None:
    lines = ["candidate,code,value", "C-1,ECOG,1", "C-1,ECOG", "C-2,ECOG,1,2", "C-3,ECOG,2", ",ECOG,1,2"]
    csv(tmp_path, observations="\n".join(lines) + "\n")
    with open_tables(tmp_path) as tables:
        assert list(tables.ids()) == ["C-1", "C-2", "C-3"]
        first, second, third = tables.read_many(["C-1", "C-2", "C-3"], KNOWN)
        assert isinstance(first, TableCandidate)
        assert isinstance(second, TableCandidate)
        assert isinstance(third, TableCandidate)
        assert [issue.code for issue in first.issues] == ["bad-row"]
        assert "line 3 of the file" in first.issues[0].message
        assert [issue.code for issue in second.issues] == ["bad-row"]
        assert third.issues == ()
        assert {owner for owner, _ in tables.rejected("observations")} == {"C-1", "C-2", None}
    assert {record.code for record in first.candidate.profile.observations} == set(KNOWN.observations)


def test_only_known_columns_and_tables_are_read_and_the_others_told(tmp_path: Path) -> None:
    csv(tmp_path, persons="candidate,birth_dat\nC-1,1980\n", observatons="candidate\n", billing="x\n")
    (tmp_path / "notes.txt").touch()
    with open_tables(tmp_path) as tables:
        messages = [issue.message for issue in tables.issues]
        found = tables.read("C-1", KNOWN)
    assert messages == [
        "observatons.csv is not read: there is no table observatons (did you mean `observations`?)",
        "the column birth_dat is not read (did you mean `birth_date`?)",
    ]
    assert found is not None
    assert found.candidate.profile.birth_date is None


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "there is no cohort table in it"),
        ({"persons": "id,sex\n1,male\n"}, "the table persons has no column `candidate`"),
        ({"observations": "candidate,value\n1,2\n"}, "the table observations has no column `code`"),
        ({"persons": "candidate,sex,sex\n"}, "its first line does not name each column once"),
        ({"persons": ""}, "its first line does not name each column once"),
    ],
)
def test_what_is_no_cohort_is_refused(tmp_path: Path, tables: dict[str, str], message: str) -> None:
    with pytest.raises(InputRefused, match=message), open_tables(csv(tmp_path, **tables)):
        pass


def test_a_table_in_two_forms_is_refused(tmp_path: Path) -> None:
    as_parquet(tmp_path / "t")
    csv(tmp_path / "t", persons="candidate\n1\n")
    with pytest.raises(InputRefused, match="more than once"), open_tables(tmp_path / "t"):
        pass


def test_files_of_one_table_have_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "persons").mkdir()
    csv(tmp_path / "persons", a="candidate,sex\n", b="candidate\n")
    with pytest.raises(InputRefused, match=r"its columns are not those of a\.csv"), open_tables(tmp_path):
        pass


@pytest.mark.parametrize("name", ["nowhere", "file.txt", "broken.duckdb"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    if name != "nowhere":
        (tmp_path / name).write_text("no database")
    with pytest.raises(InputRefused), open_tables(tmp_path / name):
        pass


def test_a_truncated_file_is_refused_by_name(tmp_path: Path) -> None:
    path = as_parquet(tmp_path / "t") / "observations.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputRefused, match="the table observations cannot be read"), open_tables(tmp_path / "t"):
        pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'candidate,code\nC-1,"ECOG\nC-2,ECOG\n', "line 2 has a quote that is not closed"),
        (b"candidate,code\nC-1,ECOG\r\nC-2,ECOG\nC-2,ECOG\n", "its lines do not all end alike"),
    ],
)
def test_a_csv_whose_rows_have_no_sure_end_is_refused(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "observations.csv").write_bytes(text)
    with open_tables(tmp_path) as tables:
        with pytest.raises(InputRefused, match=message):
            tables.read("C-1", KNOWN)
        with pytest.raises(InputRefused, match=message):
            list(tables.ids())


def test_a_row_that_is_no_utf_8_or_far_too_long_is_a_bad_row(tmp_path: Path) -> None:
    lines = [b"candidate,code,value", b"C-1,ECOG,1", b"C-1,ECO\xff,1", b"C-1,ECOG," + b"x" * 2_000_000, b"C-2,ECOG,1"]
    (tmp_path / "observations.csv").write_bytes(b"\n".join(lines))
    assert [issue.code for issue in read(tmp_path).issues] == ["bad-row", "bad-row"]
    assert read(tmp_path, "C-2").issues == ()


def test_a_header_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "persons.csv").write_bytes(b"candidate,sex\xff\n")
    with pytest.raises(InputRefused, match="cannot be read"), open_tables(tmp_path):
        pass


def test_ids_are_those_of_any_table_and_near_ones_are_found(tmp_path: Path) -> None:
    csv(tmp_path, persons="candidate\nC-0017\n,\nC-0018\n", answers="candidate,question\nX-9,a\n")
    with open_tables(tmp_path) as tables:
        assert list(tables.ids()) == ["C-0017", "C-0018", "X-9"]
        assert tables.nearest("c-017") == ["C-0017"]
        assert tables.nearest("C-0019") == ["C-0017", "C-0018"]
        assert tables.nearest("Q") == []


def test_rows_of_nobody_are_listed(tmp_path: Path) -> None:
    csv(tmp_path, persons="candidate,sex\n,male\nC-1,male\n", answers="candidate,question,value\nC-1,a\n,a\n")
    with open_tables(tmp_path) as tables:
        assert [(issue.place, issue.candidate) for issue in tables.unowned()] == [
            ("persons row 1", None),
            ("answers row 2", None),
        ]


def test_tables_are_never_written_over(tmp_path: Path) -> None:
    as_parquet(tmp_path / "t")
    with pytest.raises(InputRefused, match="has cohort tables already"):
        write_tables([whole()], tmp_path / "t", "csv")
    (tmp_path / "file").touch()
    with pytest.raises(InputRefused, match="cannot be made"):
        write_tables([whole()], tmp_path / "file")


def test_what_fails_half_way_leaves_no_table(tmp_path: Path) -> None:
    def some() -> object:
        yield whole()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_tables(some(), tmp_path / "t")  # type: ignore[arg-type]
    assert not list(tmp_path.glob("t/*"))


@pytest.mark.parametrize("when", ["write", "close"])
def test_a_full_disk_is_told_and_leaves_no_table(tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, when, full_disk)
    with pytest.raises(InputRefused, match=r"cannot be written: .*no space left on device"):
        write_tables([whole()], tmp_path / "t")
    assert not list(tmp_path.glob("t/*"))


def test_what_tables_cannot_say_is_told(tmp_path: Path) -> None:
    profile = parse_candidate(
        {
            "id": "C-1",
            "observations": [{"code": "ALT", "value": 1, "unit": "", "source": "", "reference_range": {}}],
            "treatments": [
                {"code": {"system": "urn:x", "code": ""}},
                {"code": "rituximab", "dose": {"value": 1, "unit": ""}},
            ],
            "answers": {":x": True, "y": "true", "z:": False},
            "anchors": {"": "2026"},
            "complete": {"conditions": {"systems": []}, "treatments": {"systems": ["urn:a;b"]}},
        }
    )  # fmt: skip
    untold = write_tables([profile], tmp_path / "t")
    assert [text.split(": ")[1] for text in untold] == [
        "observations[0].source", "observations[0].unit", "observations[0].reference_range", "treatments[0].code.code",
        "treatments[0]", "treatments[1].dose", "answers.:x", "answers.y", "answers.z:", "anchors",
        "complete.conditions", "complete.treatments",
    ]  # fmt: skip
