"""Plain results read from pieces of their text are what the same resource says when it is read as a whole."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prescreen.candidate.read import from_json
from prescreen.catalogue import bundled_catalogue
from prescreen.fhir import plain
from prescreen.fhir.bundle import parts
from prescreen.fhir.plain import PlainTexts
from prescreen.fhir.read import read_bundle
from prescreen.fhir.setting import Setting

PATIENT = '{"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1984-07-05"}'
STATUS = '"status": "final"'
CODE = '"code": {"coding": [{"system": "http://loinc.org", "code": "1742-6", "display": "ALT"}], "text": "ALT"}'
SUBJECT = '"subject": {"reference": "Patient/p1"}'
DATE = '"effectiveDateTime": "2026-05-20T08:30:00Z"'
UNITS = '"unit": "U/L", "system": "http://unitsofmeasure.org", "code": "U/L"'
VALUE = f'"valueQuantity": {{"value": 40.50, {UNITS}}}'
META = '"meta": {"tag": [{"system": "https://a.example/tags", "code": "x"}]}'
PLAIN = (STATUS, CODE, SUBJECT, DATE, VALUE, META)
SYSTOLIC = '"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}'
PANEL = f'"component": [{{{CODE}, {VALUE}}}, {{{VALUE.replace("40.50", "7")}, {SYSTOLIC}}}]'
SNOMED = '{"system": "http://snomed.info/sct", "code": "260385009"}'
CODED = f'"valueCodeableConcept": {{"coding": [{SNOMED}], "text": "none"}}'


def quantity(inside: str) -> str:
    return f'"valueQuantity": {{{inside}}}'


OTHERS = (
    '"status": "preliminary"',
    '"status": "entered-in-error"',
    CODE.replace("1742-6", "99999-9"),
    CODE.replace('"1742-6"', '"1742-6", "code": "718-7"'),
    CODE.replace('"ALT"}]', r'"A\u0007LT"}]'),
    CODE.replace("1742-6", "99999-9").replace("ALT", "a\x7fb"),
    CODE.replace("1742-6", "99999-9").replace("ALT", r"a\bb"),
    '"code": {"text": "ALT"}',
    '"subject": {"reference": "Patient/p2"}',
    '"subject": {"reference": "urn:uuid:1"}',
    '"subject": null',
    '"subject": {"reference": "Patient/p1", "type": 7}',
    '"subject": {"reference": "Patient/p1", "display": null}',
    '"issued": ["2026-05-20"]',
    '"issued": null',
    r'"a\"subject": {"reference": "Patient/p1"}',
    '"encounter": {"reference": "Encounter/e1"}',
    '"effectiveDateTime": "2026-02-30"',
    '"effectiveDateTime": "2026-05-20T08:30:60Z"',
    '"effectiveInstant": "2026-05-20T08:30:00Z"',
    quantity('"value": -3, ' + UNITS),
    quantity('"value": 1e400, ' + UNITS),
    quantity('"value": 40.50, "value": 4.1, ' + UNITS),
    quantity('"value": "40", ' + UNITS),
    quantity('"value": 40, ' + UNITS.replace("U/L", "{score}")),
    quantity('"value": 40, ' + UNITS.replace("U/L", "x\x7f")),
    quantity('"value": 40, ' + UNITS.replace("U/L", r"\"}")),
    quantity('"value": 40, ' + UNITS.replace('"unit": "U/L"', '"unit": "ukat/L"')),
    quantity('"value": 40, ' + UNITS + ', "comparator": "<"'),
    quantity('"value": 40, ' + UNITS + ', "modifierExtension": []'),
    '"valueQuantity": null',
    '"valueString": "x"',
    PANEL,
    PANEL.replace("8480-6", "99999-9"),
    PANEL.replace('"8480-6"', '"99999-9", "display": "a b"'),
    PANEL.replace("U/L", "{score}"),
    PANEL.replace('"value": 7', '"value": -7'),
    PANEL.replace('"value": 7', '"value": 7, "value": 8'),
    PANEL.replace("[{", '[{"modifierExtension": [], ', 1),
    PANEL.replace(VALUE, '"valueQuantity": 0'),
    PANEL.replace(VALUE, r'"value\u0051uantity": 0') + f', "note": [{{{VALUE}}}]',
    PANEL.replace(VALUE, '"valueQuantity": 0') + f', "note": [{{{VALUE}}}]',
    PANEL + f', "note": [{{{VALUE}}}]',
    PANEL.replace(VALUE, f"{VALUE}, {VALUE}"),
    PANEL.replace(VALUE, f'{VALUE}, "interpretation": []'),
    PANEL.replace(SYSTOLIC, f"{SYSTOLIC}, {CODE}"),
    PANEL.replace(VALUE, r'"a\"valueQuantity": {"value": 1}'),
    '"component": []',
    '"component": [{}]',
    '"component": null',
    CODED,
    CODED.replace("260385009", "1"),
    CODED.replace("none", "positive"),
    CODED.replace("none", "-3"),
    CODED.replace("260385009", "1").replace("none", "-3"),
    CODED.replace("260385009", "1").replace("none", r"a\u0007b"),
    CODED.replace("260385009", "1").replace("none", "a\x7fb"),
    CODED.replace('"none"', "4"),
    CODED.replace('"text"', '"coding": [], "text"'),
    '"valueCodeableConcept": {}',
    '"valueCodeableConcept": {"coding": {}, "text": "none"}',
    '"valueCodeableConcept": null',
    '"valueCodeableConcept": {"coding": [{"display": "never"}]}',
    '"referenceRange": [{"text": "5-40"}]',
    r'"note": [{"text": "\"subject\": {\"valueQuantity\": }"}]',
    '"note": [{"text": "subject"}, {"valueQuantity": {"subject": "subject"}}]',
    '"extension": [{"url": "a:b", "valueString": "valueQuantity"}]',
    '"performer": [{"modifierExtension": [{"url": "a:b"}]}]',
    '"implicitRules": "a:b"',
    '"interpretation": []',
    '"resourceType": "Observation"',
)


def read(*members: str, identified_first: bool) -> object:
    """What becomes of an Observation, an older one beside it. identified_first: where not, it is read as a whole."""
    identity = '"id": "o1"'
    inside = ", ".join((identity, *members) if identified_first else (*members, identity))
    older = f'{{"resourceType": "Observation", "id": "o0", {STATUS}, {CODE}, {SUBJECT}, {VALUE}}}'
    resources = (PATIENT, f'{{"resourceType": "Observation", {inside}}}', older)
    entries = ", ".join(f'{{"resource": {each}}}' for each in resources)
    found = read_bundle(f'{{"resourceType": "Bundle", "entry": [{entries}]}}'.encode(), bundled_catalogue())
    return [(each.profile, each.issues, each.places) for each in found.candidates], found.entries


def read_all(some: list[tuple[str, ...]], *, identified_first: bool) -> object:
    """What becomes of Observations that follow each other. identified_first: as for `read`."""
    resources = [PATIENT]
    for number, members in enumerate(some):
        identity = f'"id": "o{number}"'
        inside = ", ".join((identity, *members) if identified_first else (*members, identity))
        resources.append(f'{{"resourceType": "Observation", {inside}}}')
    entries = ", ".join(f'{{"resource": {each}}}' for each in resources)
    found = read_bundle(f'{{"resourceType": "Bundle", "entry": [{entries}]}}'.encode(), bundled_catalogue())
    return [(each.profile, each.issues, each.places) for each in found.candidates], found.entries


@st.composite
def observations(draw: st.DrawFn) -> tuple[str, ...]:
    """A plain result with some members left out, replaced, added or moved."""
    value = draw(st.sampled_from([VALUE, PANEL, CODED]))
    members = [value if each == VALUE else each for each in PLAIN if draw(st.integers(0, 9))]
    for other in draw(st.lists(st.sampled_from((*OTHERS, *PLAIN)), max_size=2)):
        key = other.partition(":")[0]
        same = [place for place, each in enumerate(members) if each.startswith(key)]
        if same and draw(st.booleans()):
            members[same[0]] = other
        else:
            members.insert(draw(st.integers(0, len(members))), other)
    return tuple(members)


@settings(max_examples=300, deadline=None)
@given(observations())
@example(PLAIN)
@example((META, *PLAIN))
@example((STATUS, CODE, SUBJECT, DATE, VALUE, STATUS))
@example((*PLAIN, SUBJECT))
@example((*PLAIN, VALUE))
@example((*PLAIN[:4], PANEL, META))
@example((*PLAIN[:4], CODED, META))
def test_pieces_of_the_text_say_what_the_whole_says(members: tuple[str, ...]) -> None:
    assert read(*members, identified_first=True) == read(*members, identified_first=False)


@settings(max_examples=200, deadline=None)
@given(st.lists(observations(), min_size=2, max_size=4))
@example([PLAIN, PLAIN])
@example([PLAIN, (*PLAIN[:4], PANEL, META), PLAIN])
@example([PLAIN, (*PLAIN[:4], VALUE.replace("40.50", "-3"), META), PLAIN])
@example([(*PLAIN[:2], f'{SUBJECT}, "x": "{VALUE[1:14]}"', *PLAIN[3:]), PLAIN])
def test_results_beside_each_other_are_what_each_is(some: list[tuple[str, ...]]) -> None:
    assert read_all(some, identified_first=True) == read_all(some, identified_first=False)


@pytest.mark.parametrize("value", [VALUE, PANEL, CODED], ids=["number", "panel", "coded"])
@pytest.mark.parametrize("other", OTHERS)
def test_so_do_those_with_one_member_that_is_another(other: str, value: str) -> None:
    key = other.partition(":")[0]
    members = tuple(value if each == VALUE else each for each in PLAIN)
    replaced = tuple(other if each.startswith(key) else each for each in members)
    in_place = tuple(other if each == value else each for each in members)
    more = ((*members, other), (STATUS, other, *members[1:]), (*members[:3], other, *members[3:]))
    for members in (replaced, in_place, *more):
        assert read(*members, identified_first=True) == read(*members, identified_first=False)


def _from_pieces(*members: str) -> bool:
    inside = ", ".join(('"resourceType": "Observation", "id": "o1"', *members))
    text = f'{{"resourceType": "Bundle", "entry": [{{"resource": {{{inside}}}}}]}}'.encode()
    catalogue = bundled_catalogue()
    setting = Setting(catalogue, {})
    return PlainTexts(catalogue, {"Patient/p1": setting}).read(parts(text, {"Observation"})[0]) is not None


def test_plain_results_are_read_from_pieces_and_others_are_not() -> None:
    scored = quantity('"value": 4, ' + UNITS.replace("U/L", "{score}"))
    assert _from_pieces(*PLAIN)
    assert _from_pieces(META, *PLAIN[:4], scored)
    assert _from_pieces(*PLAIN[:4], PANEL, META)
    assert _from_pieces(*PLAIN[:4], CODED, META)
    assert not _from_pieces(*PLAIN[:4], '"component": []', META)
    assert not _from_pieces(*PLAIN[:4], PANEL, f'"note": [{{{VALUE}}}]')
    assert not _from_pieces(META, *PLAIN)
    assert not _from_pieces(*PLAIN, VALUE)
    assert not _from_pieces(*PLAIN[:4], '"issued": []', *PLAIN[4:])


@pytest.mark.parametrize("value", [VALUE, PANEL, CODED], ids=["number", "panel", "coded"])
@pytest.mark.parametrize("other", ['"issued": []', '"subject": {"reference": "Patient/p1", "type": 7}'])
def test_what_has_another_form_is_told_although_it_is_not_used(other: str, value: str) -> None:
    for first in (True, False):
        members = (*PLAIN[:2], DATE, other, value) if "subject" in other else (*PLAIN[:4], other, value)
        assert "where text is expected" in str(read(*members, identified_first=first))


def test_what_changes_the_meaning_deep_within_a_plain_result_leaves_it_open() -> None:
    deep = '"performer": [{"modifierExtension": [{"url": "a:b"}]}]'
    for first in (True, False):
        found = read(*PLAIN[:4], deep, VALUE, identified_first=first)
        assert "an extension changes the meaning" in str(found)


HEADS = (
    '"resource": {"resourceType": "Observation", "id": "o1", ',
    '"resource": {"resourceType": "Observation", "id": "o 1", ',
    '"resource": {"resourceType": "Observation", "id": null, ',
    '"resource": {"resourceType": "Observation", "id": "", ',
    '"resource" : {\n  "resourceType": "Observation", "id": "o-2.1", ',
    '"resource": {"id": "o3", "resourceType": "Observation", ',
    '"resource": {"resourceType": "Observation", "meta": {"id": "o4"}, ',
    '"resource": {"resourceType": "Observation", ',
    '"resource": {"resourceType": "id", "id": "o5", ',
    '"resource": {"resourceType": "Condition", "id": "o1", ',
    '"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Encounter", "id": "e1", ',
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(HEADS), max_size=5))
def test_a_bundle_taken_apart_is_what_it_is_as_data(heads: list[str]) -> None:
    inside = ", ".join(PLAIN[:5])
    entries = ", ".join([f'{{"resource": {PATIENT}}}', *[f"{{{head}{inside}}}}}" for head in heads]])
    text = f'{{"resourceType": "Bundle", "entry": [{entries}]}}'
    apart, whole = (read_bundle(each, bundled_catalogue()) for each in (text.encode(), from_json(text.encode())))
    assert [(each.profile, each.issues) for each in apart.candidates] == [
        (each.profile, each.issues) for each in whole.candidates
    ]
    assert apart.entries == whole.entries


ENCOUNTER = '{"resourceType": "Encounter", "id": "e1"}'
RESULT = f'"id": "o1", {", ".join(PLAIN[:5])}'


@pytest.mark.parametrize(
    ("entries", "results"),
    [
        (f'{{"x": {{"resource": {ENCOUNTER}}}, "resource": {{{RESULT}, "resourceType": "Observation"}}}}, '
         f'{{"resource": {ENCOUNTER}}}', 1),
        (f'{{"resource": {ENCOUNTER}, "x": {{"resource": {ENCOUNTER}}}}}, '
         f'{{"resource": {{{RESULT}, "resourceType": "Observation"}}}}, '
         f'{{"resource": {ENCOUNTER}}}', 1),
        (f'{{"x": {{"resource": {ENCOUNTER}}}, "resource": {ENCOUNTER}}}, '
         f'{{"resource": {{"resourceType": "Observation", {RESULT}}}}}', 1),
        (f'{{"x": {{"resource": {{"resourceType": "Observation", {RESULT}}}}}}}, {{"resource": {ENCOUNTER}}}', 0),
        (f'{{"x": 1}}, {{"resource": {ENCOUNTER}}}, {{"resource": {{"resourceType": "Observation", {RESULT}}}}}', 1),
        (r'{"resource": {"resourceType": "Encounter", "contained": [{"resourceType": "Observ\u0061tion", '
         f"{RESULT}}}]}}}}", 1),
        (r'{"resource": {"resourceType": "Encounter", "contained": [{"resource\u0054ype": "Observation", '
         f"{RESULT}}}]}}}}", 1),
        (r'{"resource": {"resourceType": "Encounter", "c\u006fntained": [{"resourceType": "Observation", '
         f"{RESULT}}}]}}}}", 1),
    ],
)  # fmt: skip
def test_no_result_is_lost_where_a_text_is_not_as_others_are(entries: str, results: int) -> None:
    text = f'{{"resourceType": "Bundle", "entry": [{{"resource": {PATIENT}}}, {entries}]}}'.encode()
    apart, whole = (read_bundle(each, bundled_catalogue()) for each in (text, from_json(text)))
    assert len(apart.candidates[0].profile.observations) == results
    assert [(each.profile, each.issues) for each in apart.candidates] == [
        (each.profile, each.issues) for each in whole.candidates
    ]
    assert apart.entries == whole.entries


def test_no_long_text_is_remembered_across_bundles() -> None:
    catalogue = bundled_catalogue()
    long = f'"category": [{{"text": "{"x" * 5_000}"}}]'
    entries = ", ".join(
        f'{{"resource": {{"resourceType": "Observation", "id": "o{number}", {members}}}}}'
        for number, members in enumerate([", ".join((long, *PLAIN)), ", ".join(PLAIN)])
    )
    text = f'{{"resourceType": "Bundle", "entry": [{{"resource": {PATIENT}}}, {entries}]}}'.encode()
    found = read_bundle(text, catalogue)
    assert [entry.state for entry in found.entries] == ["understood"] * 3
    remembered = plain._shared(catalogue)
    assert f", {STATUS}, {CODE}, ".encode() in remembered.before
    assert max(map(len, remembered.before)) <= 2_000


def test_nothing_of_a_candidate_is_remembered_across_bundles() -> None:
    catalogue = bundled_catalogue()
    note = '"note": [{"text": "of this patient only"}]'
    panels = [", ".join((*PLAIN[:4], PANEL, *more)) for more in ((), (note,))]
    numbers = [", ".join((*PLAIN[:5], *more)) for more in ((), (note,))]
    entries = ", ".join(
        f'{{"resource": {{"resourceType": "Observation", "id": "o{number}", {members}}}}}'
        for number, members in enumerate([*panels, *numbers, ", ".join((note, *PLAIN[:5]))])
    )
    text = f'{{"resourceType": "Bundle", "entry": [{{"resource": {PATIENT}}}, {entries}]}}'.encode()
    assert [entry.state for entry in read_bundle(text, catalogue).entries] == ["understood"] * 6
    remembered = plain._shared(catalogue)
    assert f", {UNITS}}}}}".encode() in remembered.after
    assert f"{PANEL.replace('40.50', '0').replace('7, ', '0, ')}}}".encode() in remembered.ends
    for memory in (remembered.before, remembered.after, remembered.ends):
        assert not any(b"note" in each for each in memory)
