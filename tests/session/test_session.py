"""Sessions from Python: events, what they change, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from prescreen import InputRefused, load_trial, screen
from prescreen.session import Change, Session
from prescreen.session import keeping as module
from tests.engine.helper import criteria

ROOT = Path(__file__).parents[2]
DAY = date(2026, 6, 1)
ALT = {"id": "alt", "code": "ALT", "value": 92, "unit": "U/L", "reference_range": {"high": 40}, "date": "2026-05-20"}

TRIAL = criteria(
    {"include_if": {"age": {"at_least": "18 years", "at_most": "65 years"}}},
    {"include_if": {"observation": "ALT", "at_most": "3 ULN", "within": "28 days"}},
    {"exclude_if": {"procedure": "major-surgery", "within": "24 weeks"}},
    {"include_if": {"any": [{"answer": "fit"}, {"not": {"answer": "fit"}}]}},
)


@pytest.fixture
def session() -> Iterator[Session]:
    with Session(TRIAL, on=DAY) as session:
        yield session


def said(changes: tuple[Change, ...]) -> list[tuple[str | None, str, str]]:
    return [(change.criterion, change.before, change.after) for change in changes]


def codes(event: dict[str, Any], session: Session) -> list[tuple[str, str | None]]:
    with pytest.raises(InputRefused) as refused:
        session.apply(event)
    return [(problem.code, problem.path) for problem in refused.value.problems]


def ids() -> list[str]:
    return [criterion.id for criterion in TRIAL.criteria]


def test_a_fact_changes_what_uses_it_and_says_why(session: Session) -> None:
    age, alt, _, _ = ids()
    assert said(session.add("C-1", {"birth_date": "1990"})) == [(age, "undetermined", "met")]
    (change,) = session.add("C-1", {"observations": [ALT]})
    assert (change.criterion, change.before, change.after) == (alt, "undetermined", "met")
    assert change.because == ("ALT 92 U/L on 2026-05-20 = 2.3 × ULN 40 U/L",)
    assert (change.candidate, change.trial, change.day) == ("C-1", TRIAL.id, DAY.toordinal())


def test_a_fact_touches_only_the_criteria_that_use_it(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.add("C-1", {"birth_date": "1990", "observations": [ALT]})
    asked: list[int] = []
    decide = session._keeper.engine.decide
    monkeypatch.setattr(
        session._keeper.engine, "decide", lambda place, posts: (asked.append(len(posts)), decide(place, posts))[1]
    )
    session.add("C-1", {"observations": [{**ALT, "value": 900}]})
    assert asked == [1]  # the one leaf on ALT
    session.add("C-1", {"observations": [{**ALT, "value": 91}]})
    session.add("C-1", {"observations": [{**ALT, "value": 901}]})
    assert asked == [1]  # the same truths: what the rules said of them is known
    session.add("C-1", {"observations": [{"code": "creatinine", "value": 1, "unit": "mg/dL"}]})
    assert asked == [1]


def test_a_report_is_that_of_a_screening(session: Session) -> None:
    session.add("C-1", {"birth_date": "1990", "observations": [ALT], "answers": {"fit": True}})
    session.add("C-1", {"procedures": [{"code": "appendectomy", "date": "2026-01", "status": "completed"}]})
    report = session.report("C-1")
    assert report == screen(TRIAL, session.candidate("C-1"), on=DAY)
    assert {each.id: each.status for each in report.criteria} == session.statuses("C-1")


def test_a_fact_used_twice_is_told_apart(session: Session) -> None:
    session.add("C-1", {"sex": "female"})
    assert session.statuses("C-1")[ids()[3]] == "met"  # fit or not fit, whoever is asked


def test_a_correction_takes_the_place_of_the_record(session: Session) -> None:
    alt = ids()[1]
    session.add("C-1", {"observations": [{**ALT, "value": 920}]})
    assert said(session.add("C-1", {"observations": [ALT]})) == [
        (alt, "failed", "met"),
        (None, "ineligible", "undetermined"),
    ]
    assert len(session.candidate("C-1").profile.observations) == 1


def test_a_withdrawal_leaves_nothing_behind(session: Session) -> None:
    alt = ids()[1]
    session.add("C-1", {"observations": [{**ALT, "value": 920}]})
    assert said(session.remove("C-1", "alt")) == [(alt, "failed", "undetermined"), (None, "ineligible", "undetermined")]


def test_what_there_is_one_of_is_set_and_withdrawn(session: Session) -> None:
    age, _, surgery, _ = ids()
    session.set("C-1", {"birth_date": "1990", "complete": {"procedures": True, "conditions": True}})
    assert session.statuses("C-1")[surgery] == "met"
    assert said(session.set("C-1", {"complete": {"procedures": None}})) == [(surgery, "met", "undetermined")]
    assert session.candidate("C-1").profile.complete.conditions is True
    assert said(session.set("C-1", {"birth_date": None})) == [(age, "met", "undetermined")]
    session.set("C-1", {"answers": {"fit": True, "TRIAL:fit": False}, "anchors": {"enrolment": "2026-07-01"}})
    session.set("C-1", {"answers": {"fit": None}, "anchors": {"enrolment": None}})
    profile = session.candidate("C-1").profile
    assert (profile.answers, profile.anchors) == ({"TRIAL:fit": False}, {})


def test_a_new_day_closes_windows_and_brings_birthdays(session: Session) -> None:
    age, alt, surgery, _ = ids()
    session.add("C-1", {"birth_date": "1960-06-10", "observations": [ALT], "complete": {"procedures": True}})
    session.add("C-1", {"procedures": [{"code": "appendectomy", "date": "2025-12-18", "status": "completed"}]})
    told: list[Change] = []
    session.listen(told.append)
    steps = {
        date(2026, 6, 4): [],
        date(2026, 6, 5): [(surgery, "failed", "met"), (None, "ineligible", "eligible")],
        date(2026, 6, 9): [],
        date(2026, 6, 10): [(age, "met", "failed"), (None, "eligible", "ineligible")],
        date(2026, 6, 18): [(alt, "met", "undetermined")],
        date(2026, 6, 1): None,
    }
    for day, expected in steps.items():
        changes = session.on(day)
        assert expected is None or sorted(said(changes), key=str) == sorted(expected, key=str)
        assert session.day == day
    assert told
    assert session.statuses("C-1")[age] == "met"


def test_a_day_of_ones_own_holds_until_the_next_for_all(session: Session) -> None:
    session.add("C-1", {"birth_date": "1960-06-10"})
    session.add("C-2", {"birth_date": "1960-06-10"})
    session.on(date(2026, 6, 12), "C-1")
    assert [session.statuses(each)[ids()[0]] for each in ("C-1", "C-2")] == ["failed", "met"]
    assert [session.day_of(each) for each in ("C-1", "C-2")] == [date(2026, 6, 12), DAY]
    session.on(date(2026, 6, 9))
    assert [session.statuses(each)[ids()[0]] for each in ("C-1", "C-2")] == ["met", "met"]


def test_an_event_seen_before_changes_nothing(session: Session) -> None:
    event = {"event": "e-1", "candidate": "C-1", "add": {"observations": [{k: v for k, v in ALT.items() if k != "id"}]}}
    assert not session.apply(event).repeated
    again = session.apply(dict(reversed(event.items())))
    assert (again.repeated, again.changes) == (True, ())
    assert len(session.candidate("C-1").profile.observations) == 1


def test_an_id_stands_for_one_event(session: Session) -> None:
    session.add("C-1", {"birth_date": "1990"}, event="e-1")
    assert codes({"event": "e-1", "candidate": "C-1", "add": {"birth_date": "1991"}}, session) == [
        ("duplicate-event", "event `e-1`")
    ]
    assert session.candidate("C-1").profile.birth_date == "1990"


def test_events_without_an_id_are_numbered(session: Session) -> None:
    outcome = session.apply({"candidate": "C-1", "add": {"birth_date": "1990"}})
    assert outcome.event == "#2"  # the first is the day
    session.apply({"event": "#4", "candidate": "C-1", "set": {"sex": "male"}})
    assert session.apply({"candidate": "C-1", "set": {"sex": "female"}}).event == "##4"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"add": {"observatons": []}}, [("unknown-key", "add.observatons")]),
        ({"add": {"id": "C-2"}}, [("unknown-key", "add.id")]),
        ({"ad": {}, "on": "2026-06-02"}, [("unknown-key", "ad")]),
        ({"add": []}, [("wrong-type", "add")]),
        ({"add": {"observations": [{**ALT, "date": "2026-02-30"}]}}, [("bad-date", "add.observations[0].date")]),
        ({"add": {"observations": [ALT, {"code": "ATL"}]}}, [("unknown-code", "add.observations[1].code")]),
        ({"set": {"birth_date": "soon"}}, [("bad-date", "set.birth_date")]),
        ({"set": {"observations": []}}, [("unknown-key", "set.observations")]),
        ({"set": {"complete": {"conditionz": None}}}, [("unknown-key", "set.complete.conditionz")]),
        ({"set": {"sex": "f"}, "add": {"sex": "male"}}, [("duplicate-key", "set.sex"), ("wrong-value", "set.sex")]),
        ({"remove": "alt"}, [("wrong-type", "remove")]),
        ({"remove": [1]}, [("wrong-type", "remove[0]")]),
        ({"remove": ["atl"]}, [("unknown-record", "remove[0]")]),
        ({"on": "2026-6-1"}, [("bad-date", "on")]),
        ({"on": "1850-01-01"}, [("screening-day", "on")]),
        ({"add": {"observations": [ALT, ALT]}}, [("duplicate-id", "add.observations[1].id")]),
        ({"add": {"conditions": [{"id": "alt", "code": "SLE"}]}}, [("duplicate-id", "add.conditions[0].id")]),
        ({"set": {"birth_date": "2026-06-02"}}, [("future-birth", "birth_date")]),
        ({}, [("no-event", None)]),
        ({"add": {}}, [("no-event", None)]),
        ({"candidate": " ", "add": {"sex": "male"}}, [("bad-id", "candidate")]),
        ({"candidate": "C-9", "remove": ["alt"]}, [("unknown-candidate", "candidate")]),
        ({"candidate": "C-9", "on": "2026-06-02"}, [("unknown-candidate", "candidate")]),
        ({"candidate": None, "add": {"sex": "male"}}, [("missing-key", "candidate")]),
        ({"candidate": 5, "add": {"sex": "male"}}, [("wrong-type", "candidate")]),
    ],
)
def test_what_is_wrong_is_told_and_nothing_of_it_counts(
    session: Session, event: dict[str, Any], expected: list[tuple[str, str | None]]
) -> None:
    session.add("C-1", {"observations": [ALT]})
    before = session.candidate("C-1").profile
    found = codes({"event": "e-7", "candidate": "C-1", **event}, session)
    wanted = [(code, f"event `e-7`, {path}" if path else "event `e-7`") for code, path in expected]
    assert sorted(found) == sorted(wanted)
    if event.get("candidate") != "C-9" and expected != [("no-event", None)]:
        half = {"set": {"sex": "male"}} if "set" not in event else {}
        codes({"event": "e-8", "candidate": "C-1", **half, **event}, session)
    assert session.candidate("C-1").profile == before
    assert not session.apply({"event": "e-7", "candidate": "C-1", "set": {"sex": "female"}}).repeated


def test_what_is_no_event_at_all(session: Session) -> None:
    assert codes([], session) == [("no-event", None)]  # type: ignore[arg-type]
    with pytest.raises(InputRefused, match="no JSON"):
        session.apply(b'{"event": "e-1", "candid')
    with pytest.raises(InputRefused, match="`event` is missing"):
        session.apply({"candidate": "C-1", "add": {"sex": "male"}}, named=True)


def test_the_good_ones_among_several_are_kept(session: Session) -> None:
    outcomes = session.apply_all(
        [
            {"candidate": "C-1", "add": {"observations": [ALT]}},
            {"candidate": "C-1", "remove": ["nobody"]},
            {"candidate": "C-1", "remove": ["alt"]},
            {"on": "2026-06-03"},
            {"candidate": "C-1", "set": {"sex": "male"}},
        ]
    )
    assert [isinstance(each, InputRefused) for each in outcomes] == [False, True, False, False, False]
    assert session.candidate("C-1").profile.observations == ()
    assert session.day == date(2026, 6, 3)


def test_changes_are_told_to_listeners_and_along_a_feed(session: Session) -> None:
    heard: list[Change] = []
    stop = session.listen(heard.append)
    events = [{"candidate": "C-1", "add": {"birth_date": "1990"}}, {"candidate": "C-1", "add": {"birth_date": "1950"}}]
    fed = list(session.feed(events))
    assert heard == fed
    assert [change.after for change in fed] == ["met", "failed", "ineligible"]
    stop()
    session.set("C-1", {"birth_date": "1990"})
    assert heard == fed


def test_several_trials_and_cohorts() -> None:
    trials = [load_trial(ROOT / "rules" / name) for name in ("NCT05700630", "NCT07535138")]
    with Session(trials, on=DAY) as session:
        changes = session.add("C-1", {"birth_date": "2024-01", "sex": "male"})
        assert {change.trial for change in changes} == {trial.id for trial in trials}
        for trial in trials:
            report = session.report("C-1", trial.id)
            assert session.statuses("C-1", trial.id) == {each.id: each.status for each in report.criteria}
            verdicts = {
                change.cohort: change.after for change in changes if change.trial == trial.id and not change.criterion
            }
            expected = {None: report.verdict, **report.cohorts}
            assert verdicts == {cohort: verdict for cohort, verdict in expected.items() if verdict != "undetermined"}
        with pytest.raises(InputRefused, match="which trial is meant"):
            session.report("C-1")
        with pytest.raises(InputRefused, match="no trial `X`"):
            session.statuses("C-1", "X")
        with pytest.raises(InputRefused, match="nothing is known of a candidate `C-2`"):
            session.report("C-2", trials[0].id)


def test_a_sites_ranges_count(tmp_path: Path) -> None:
    table = tmp_path / "ranges.csv"
    table.write_text(
        "code,sex,age_from,age_to,low,high,unit,valid_from,valid_to\nALT,female,,,,20,U/L,,\nALT,male,,,,40,U/L,,\n"
    )
    plain = {key: value for key, value in ALT.items() if key != "reference_range"}
    with Session(TRIAL, on=DAY, ranges=table) as session:
        session.add("C-1", {"observations": [plain]})
        assert session.statuses("C-1")[ids()[1]] == "undetermined"
        assert said(session.set("C-1", {"sex": "female"}))[0] == (ids()[1], "undetermined", "failed")
        assert said(session.set("C-1", {"sex": "male"}))[0] == (ids()[1], "failed", "met")


def test_few_candidates_are_in_memory_and_all_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DOSSIERS", 4)
    monkeypatch.setattr(module, "_CHUNK", 3)
    with Session(TRIAL, on=DAY) as session:
        names = [f"C-{number:02}" for number in range(11)]
        for name in names:
            session.add(name, {"birth_date": "1960-06-10", "observations": [ALT]})
        assert len(list(session._keeper._dossiers.names)) <= 4
        assert list(session.candidates()) == names
        assert len(session.on(date(2026, 6, 10))) == 2 * len(names)
        assert said(session.remove("C-00", "alt")) == [(ids()[1], "met", "undetermined")]


@pytest.mark.parametrize(
    ("trials", "message"),
    [([], "at least one trial"), ([TRIAL, TRIAL], "is given twice"), (["NCT00000000"], "NCT00000000")],
)
def test_a_session_needs_trials(trials: Any, message: str) -> None:
    with pytest.raises(InputRefused, match=message):
        Session(trials, on=DAY)


def test_a_new_log_needs_a_day() -> None:
    with pytest.raises(InputRefused, match="a screening day is needed"):
        Session(TRIAL)


def test_one_session_does_not_disturb_another() -> None:
    with Session(TRIAL, on=DAY) as one, Session(TRIAL, on=date(2027, 6, 1)) as other:
        one.add("C-1", {"birth_date": "1960-06-10"})
        other.add("C-1", {"birth_date": "1960-06-10"})
        assert set(one.processes).isdisjoint(other.processes)
        assert one.statuses("C-1")[ids()[0]] == "met"
        assert other.statuses("C-1")[ids()[0]] == "failed"
        other.close()
        assert said(one.set("C-1", {"birth_date": "1940"}))[0] == (ids()[0], "met", "failed")


def turned(changes: tuple[Change, ...]) -> list[tuple[str | None, str, str]]:
    """What became of criteria."""
    return [each for each in said(changes) if each[0] is not None]


def test_a_record_without_an_id_is_called_after_its_event(session: Session) -> None:
    alt = ids()[1]
    plain = {key: value for key, value in ALT.items() if key != "id"}
    session.add("C-1", {"observations": [plain]}, event="e-1")
    (record,) = session.candidate("C-1").profile.observations
    assert record.id == "e-1/observations[0]"
    assert turned(session.add("C-1", {"observations": [{**ALT, "id": record.id, "value": 900}]})) == [
        (alt, "met", "failed")
    ]
    assert turned(session.remove("C-1", record.id)) == [(alt, "failed", "undetermined")]
    session.add("C-1", {"observations": [{**ALT, "id": "e-2/observations[0]", "value": 900}]})
    assert session.add("C-1", {"observations": [{**plain, "date": "2026-05-19"}]}, event="e-2") == ()
    assert [each.id for each in session.candidate("C-1").profile.observations] == [
        "e-2/observations[0]",
        "e-2/observations[0]+",
    ]


def test_an_answer_is_that_of_its_trial(tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    one = criteria({"include_if": {"answer": "fit"}}, id="one")
    two = criteria({"include_if": {"answer": "fit"}}, id="two")
    (criterion,) = [each.id for each in one.criteria]
    with Session(one, store, on=DAY) as session:
        session.add("C-1", {"answers": {"one:fit": False}})
        assert turned(session.set("C-1", {"answers": {"fit": True}})) == [(criterion, "failed", "met")]
        assert codes({"candidate": "C-1", "add": {"answers": {"fit": True, "one:fit": True}}}, session) == [
            ("duplicate-key", "answers")
        ]
    with Session([one, two], store) as session:  # "fit" was said of the first
        assert session.statuses("C-1", "one") == {criterion: "met"}
        assert session.statuses("C-1", "two") == {criterion: "undetermined"}
        event = {"candidate": "C-1", "set": {"answers": {"fit": False, "one:fit": None}}}
        assert codes(event, session) == [("bare-answer", "set.answers.fit")]
        assert turned(session.set("C-1", {"answers": {"one:fit": None, "two:fit": True}})) == [
            (criterion, "met", "undetermined"),
            (criterion, "undetermined", "met"),
        ]


def test_a_flood_of_withdrawals_is_told_and_does_not_hang(session: Session) -> None:
    session.add("C-1", {"observations": [{**ALT, "id": f"o-{number}"} for number in range(5_000)]})
    assert len(codes({"candidate": "C-1", "remove": [f"x-{number}" for number in range(10_000)]}, session)) == 10_000
    assert turned(session.remove("C-1", *(f"o-{number}" for number in range(5_000)))) == [
        (ids()[1], "met", "undetermined")
    ]


def test_facts_are_kept_of_somebody_who_is_not_born_yet_on_a_day_for_all(session: Session) -> None:
    session.add("C-1", {"birth_date": "2026-05", "observations": [ALT]})
    session.on(date(2026, 1, 1))
    assert codes({"candidate": "C-1", "set": {"birth_date": "2026-04"}}, session) == [("future-birth", "birth_date")]
    session.remove("C-1", "alt")
    session.on(DAY)
    assert session.statuses("C-1")[ids()[1]] == "undetermined"
    assert session.report("C-1") == screen(TRIAL, session.candidate("C-1"), on=DAY)


def test_changes_come_as_an_asynchronous_iterator() -> None:
    async def wait() -> list[tuple[str | None, str, str]]:
        with Session(TRIAL, on=DAY) as session:
            stream = session.stream()
            work = asyncio.to_thread(session.add, "C-1", {"birth_date": "1990"})
            first, _ = await asyncio.gather(anext(stream), work)
            session.add("C-1", {"birth_date": "1950"})
            other = session.stream()
            other.close()
            session.set("C-1", {"birth_date": None})
            assert [each async for each in other] == []
        return said((first, *[each async for each in stream]))

    age = ids()[0]
    assert asyncio.run(wait()) == [
        (age, "undetermined", "met"),
        (age, "met", "failed"),
        (None, "undetermined", "ineligible"),
        (age, "failed", "undetermined"),
        (None, "ineligible", "undetermined"),
    ]


def test_what_cannot_be_used_is_remarked(session: Session) -> None:
    odd = {"observations": [{**ALT, "unit": "K/uL"}], "answers": {"fitt": True}, "anchors": {"enrolement": "2026"}}
    outcome = session.apply({"candidate": "C-1", "add": odd})
    assert [each.split(":")[0] for each in outcome.remarks] == [
        "record `alt`",
        f"{TRIAL.id} asks no question named `fitt`",
        "no trial here has an anchor named `enrolement`",
    ]
    assert session.apply({"candidate": "C-1", "add": {"answers": {"fit": True}}}).remarks == ()
    (conflict,) = session.apply(
        {"candidate": "C-1", "set": {"birth_date": "1990", "age": {"value": 50, "on": "2026-05-01"}}}
    ).remarks
    assert "does not agree" in conflict
