"""Generated pairs of a condition and a candidate, with values planted on thresholds and dates on window edges."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from random import Random
from typing import Any

from tests.reference.dates import shift
from tests.reference.rules import AgeLeaf, AnswerLeaf, EventLeaf, ResultLeaf, SexLeaf, leaves, read
from tests.reference.vocabulary import CODED, CONCEPTS, PARENT, STATUSES, TO_CANONICAL

Mapping = dict[str, Any]

SCREENING_DAYS = [date(2026, 6, 1), date(2026, 3, 31), date(2024, 2, 29), date(2025, 2, 28), date(2026, 1, 1)]
ANCHORS = {"enrolment": "the day of enrolment", "first_dose": "the day of the first dose"}
QUESTIONS: dict[str, list[str]] = {"consent-given": [], "carer-present": [], "stage": ["early", "middle", "late"]}
WINDOWS = [
    "28 days", "28 days before screening", "14 days", "6 months", "24 weeks", "1 year", "before screening",
    "14 days before first_dose", "28 days before first_dose", "before enrolment", "4 weeks before enrolment",
    {"from": "8 weeks before screening", "to": "enrolment"},
    {"from": "enrolment", "to": "first_dose"},
    {"from": "12 weeks before screening", "to": "4 weeks before screening"},
]  # fmt: skip
LATER_WINDOWS = ["4 weeks after screening", "24 weeks after enrolment", {"from": "screening", "to": "first_dose"}]
WASHOUTS = [
    {"longest": ["28 days", "5 half-lives"]},
    {"shortest": ["28 days before first_dose", "5 half-lives"]},
    {"longest": ["3 months", "4 half-lives"]},
    {"shortest": ["3 months", "4 half-lives before screening"]},
]
LIMITS: dict[str, list[Any]] = {
    "ALT": ["3 ULN", "5 ULN", "1 ULN", "120 U/L", "200 U/L", "2 ukat/L"],
    "AST": ["3 ULN", "1.5 ULN", "120 U/L"],
    "creatinine": [
        "1.5 ULN", "2 ULN", "1 LLN", "1.5 mg/dL", "15 mg/L", "2 mg/dL", ["1.5 mg/dL", "133 umol/L"], "177 umol/L",
    ],
    "platelets": ["100 10*9/L", "100000 /uL", "50 10*3/uL", "1 LLN", "1 ULN"],
    "HBV-DNA": ["1 LLOD", "2 LLOD", "20 [IU]/mL", "2000 [IU]/mL"],
    "ECOG": [0, 1, 2],
}  # fmt: skip
CHANGES = {"ALT": ["50 %", "20 %", "10 U/L"], "platelets": ["50 %", "50 10*9/L"], "ECOG": ["1"]}
SELECTS: list[Any] = [
    "latest", "first", "any", "every", "highest", "lowest", {"consecutive": 2, "apart": "24 hours"},
    {"consecutive": 2}, {"consecutive": 2, "apart": "7 days"}, {"mean_of": 2}, {"mean_of": 3},
]  # fmt: skip
SIMPLE_SELECTS = SELECTS[:4]
LIMITS_WRITTEN = {"ALT": ["40", "35.5"], "AST": ["40"], "creatinine": ["1.2", "1"], "platelets": ["400"]}
LOWER_WRITTEN = {"ALT": "5", "AST": "5", "creatinine": "0.5", "platelets": "150"}


@dataclass
class Pair:
    """A condition, the candidate it is asked of, and the screening day."""

    condition: Mapping
    candidate: Mapping
    day: date
    exclusion: bool = False
    definitions: Mapping = field(default_factory=dict)

    def trial(self) -> Mapping:
        """The one-criterion trial that the program loads."""
        return {
            "schema": "prescreen/trial/1",
            "id": "T",
            "title": "t",
            "source": {"document": "none", "complete": True},
            "anchors": ANCHORS,
            "questions": {
                name: {"ask": "coordinator", "text": f"{name}?", **({"options": options} if options else {})}
                for name, options in QUESTIONS.items()
            },
            **({"definitions": self.definitions} if self.definitions else {}),
            "criteria": [{"id": "C", "text": "t", "exclude_if" if self.exclusion else "include_if": self.condition}],
        }

    def facts_repeat(self) -> bool:
        """Whether two leaves look at the same fact."""
        tree = read(self.condition, not self.exclusion, self.definitions)
        facts: list[Any] = []
        for leaf in leaves(tree):
            match leaf:
                case AgeLeaf():
                    facts.append("birth")
                case SexLeaf():
                    facts.append("sex")
                case AnswerLeaf():
                    facts.append(leaf.question)
                case ResultLeaf():
                    facts.append(leaf.code)
                case EventLeaf():
                    facts += sorted({f"{leaf.domain}:{PARENT.get(code, code)}" for code in leaf.codes})
        return len(facts) > len(set(facts))


def pair(seed: int) -> Pair:
    """The pair of a seed."""
    return _Maker(Random(seed)).pair()


class _Maker:
    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.day = rng.choice(SCREENING_DAYS)
        self.today = self.day.toordinal()
        self.anchors: dict[str, str] = {}

    def some(self, chance: float) -> bool:
        return self.rng.random() < chance

    def pair(self) -> Pair:
        for name in ANCHORS:
            if self.some(0.5):
                self.anchors[name] = self.date_text(self.today + self.rng.choice([-10, 0, 9, 14, 28]), 0.3)
        topics = self.rng.sample(
            ["age", "sex", "answer", *LIMITS, *CODED, *CONCEPTS, *CONCEPTS], self.rng.choice([1, 1, 2, 2, 3])
        )
        made: list[Mapping] = []
        for topic in dict.fromkeys(topics):
            mine = [self.leaf(topic) for _ in range(self.rng.choice([1, 1, 2, 2, 3]))]
            if self.some(0.15):
                mine.append(self.rng.choice(mine))
            made += mine
        made = made[:4]
        self.rng.shuffle(made)
        definitions: Mapping = {}
        if self.some(0.08):
            definitions["named"] = made[0]
            made[0] = {"use": "named"}
        exclusion = self.some(0.3)
        condition = self.tree(made, may_lack_else=not exclusion)
        candidate = self.candidate(condition, definitions, exclusion)
        return Pair(condition, candidate, self.day, exclusion, definitions)

    # conditions

    def tree(self, parts: list[Mapping], may_lack_else: bool, may_except: bool = True) -> Mapping:
        """Join leaves; `else` and `unless` only where the rule language takes them."""

        def inner(some: list[Mapping]) -> Mapping:
            return self.tree(some, False, may_except)

        if len(parts) == 1:
            part = parts[0]
            return {"not": part} if self.some(0.2) else part
        if self.some(0.25) and len(parts) >= 3:
            return {"at_least_of": {"count": self.rng.randint(1, len(parts)), "of": [inner([part]) for part in parts]}}
        if self.some(0.25):
            made = {"if": self.tree(parts[:1], False, False), "then": self.tree(parts[1:2], may_lack_else, may_except)}
            if len(parts) > 2:
                return {**made, "else": self.tree(parts[2:], may_lack_else, may_except)}
            return made if may_lack_else else {**made, "else": inner([self.rng.choice(parts)])}
        cut = self.rng.randint(1, len(parts) - 1)
        if may_except and self.some(0.2):
            exception = self.tree(parts[cut:], False, False)
            return {**self.without_unless(inner(parts[:cut])), "unless": exception}
        if self.some(0.15):
            return {"not": inner(parts)}
        word = self.rng.choice(["all", "any"])
        children = [
            self.tree(parts[:cut], may_lack_else, may_except),
            self.tree(parts[cut:], may_lack_else, may_except),
        ]
        if self.some(0.2):
            children.append({"not": children[0]} if not _lacks_else(children[0]) else children[0])
        return {word: children}

    def without_unless(self, part: Mapping) -> Mapping:
        return {"all": [part]} if "unless" in part or "use" in part else part

    def leaf(self, topic: str) -> Mapping:
        if topic == "age":
            return self.age()
        if topic == "sex":
            return {"sex": self.rng.choice(["female", "male"])}
        if topic == "answer":
            question = self.rng.choice(["consent-given", "stage"])
            if question == "stage":
                return {"answer": question, "equals": self.rng.choice(QUESTIONS["stage"])}
            return {"answer": question, **({"equals": False} if self.some(0.3) else {})}
        return self.event(topic) if topic in CONCEPTS else self.result(topic)

    def age(self) -> Mapping:
        unit, low, high = self.rng.choice(
            [("years", 18, 65), ("years", 41, 42), ("months", 492, 780), ("years", 40, 64)]
        )
        low, high = low + self.rng.choice([0, 0, 1]), high + self.rng.choice([0, 0, 1])
        bounds: Mapping = self.rng.choice(
            [
                {"at_least": f"{low} {unit}", "at_most": f"{high} {unit}"},
                {"between": [f"{low} {unit}", f"{high} {unit}"]},
                {"at_least": f"{low} {unit}"},
                {"above": f"{low} {unit}"},
                {"below": f"{high} {unit}"},
                {"at_most": f"{high} {unit}"},
            ]
        )
        return {"age": bounds, **({"on": self.rng.choice(list(ANCHORS))} if self.some(0.25) else {})}

    def result(self, code: str) -> Mapping:
        within = {"within": self.rng.choice(WINDOWS)} if self.some(0.6) else {"within": "any"} if self.some(0.3) else {}
        if code in CODED:
            test: Mapping = self.rng.choice(
                [{"is": "positive"}, {"is": "negative"}, {"is_not": "positive"}, {"one_of": ["positive", "negative"]}]
            )
            select = {"select": self.rng.choice(SIMPLE_SELECTS)} if self.some(0.4) else {}
            return {"observation": code, **test, **within, **select}
        if code in CHANGES and self.some(0.2):
            return self.change(code, within)
        select = {"select": self.rng.choice(SELECTS)} if self.some(0.5) else {}
        limits = LIMITS[code]
        if "mean_of" in str(select):
            limits = [
                limit for limit in limits if not str(limit).endswith(("LN", "LLOD")) and not isinstance(limit, list)
            ]
        if code == "HBV-DNA" and not select and self.some(0.35):
            return {"observation": code, "detected": self.some(0.5), **within}
        limit = self.rng.choice(limits)
        if self.some(0.2) and not isinstance(limit, list):
            unit = str(limit).partition(" ")[2]
            same = sorted(
                (each for each in limits if not isinstance(each, list) and str(each).partition(" ")[2] == unit),
                key=lambda each: Fraction(str(each).partition(" ")[0]),
            )
            test = {"between": [same[0], same[-1]]}
            if same[0] != same[-1] and self.some(0.5):
                test = {"above": same[0], "below": same[-1]}
        else:
            # Nothing lies below 0, and no leaf asks for it.
            test = {
                self.rng.choice(["at_least", "above", "at_most", "below"] if limit else ["above", "at_most"]): limit
            }
        if code == "ALT" and self.some(0.15):
            return {
                "observation": {self.rng.choice(["every_of", "any_of"]): ["ALT", "AST"]},
                **test,
                **within,
                **select,
            }
        return {"observation": code, **test, **within, **select}

    def change(self, code: str, within: Mapping) -> Mapping:
        """A fall or rise, sometimes beside a threshold."""
        asked: Mapping = {self.rng.choice(["at_least", "above", "at_most", "below"]): self.rng.choice(CHANGES[code])}
        if self.some(0.7):
            asked["from"] = self.rng.choice(["latest", "first", "highest", "lowest"])
        if self.some(0.6):
            asked["over"] = self.rng.choice(["28 days", "6 months", "1 month", "1 year"])
        made = {"observation": code, self.rng.choice(["fall", "rise"]): asked, **within}
        if self.some(0.2):
            made["at_most"] = self.rng.choice([each for each in LIMITS[code] if not isinstance(each, list)])
        if self.some(0.3):
            made["select"] = self.rng.choice(SIMPLE_SELECTS)
        return made

    def event(self, domain: str) -> Mapping:
        kind = {
            "conditions": "condition",
            "treatments": "treatment",
            "procedures": "procedure",
            "allergies": "allergy",
        }[domain]
        names = CONCEPTS[domain]
        if domain == "conditions" and self.some(0.75):
            names = ("SLE", "lupus-nephritis") if self.some(0.5) else ("malignancy", "basal-cell-carcinoma")
        code: Any = self.rng.choice(names)
        if self.some(0.12) and len(CONCEPTS[domain]) > 1:
            code = self.rng.sample(CONCEPTS[domain], 2)
        made: Mapping = {kind: code}
        if domain == "treatments" and self.some(0.15):
            made["stable_for"] = self.rng.choice(["30 days", "12 weeks", "1 month"])
            if self.some(0.3):
                made["at"] = self.rng.choice(list(ANCHORS))
            return made
        statuses = {
            "conditions": ["active", "remission", "resolved", ["remission", "resolved"], "ever"],
            "treatments": ["ongoing", "completed", "planned", ["ongoing", "planned"], "ever"],
            "procedures": ["completed", "planned", ["completed", "planned"]],
            "allergies": [],
        }[domain]
        if statuses and self.some(0.4):
            made["status"] = self.rng.choice(statuses)
        if self.some(0.5) and domain != "allergies":
            made["within"] = self.rng.choice(WINDOWS if "planned" not in str(made.get("status")) else LATER_WINDOWS)
        if domain in ("conditions", "treatments") and self.some(0.07):
            made["duration"] = {
                self.rng.choice(["at_least", "above", "at_most", "below"]): self.rng.choice(
                    ["5 days", "1 month", "2 weeks", "1 year"]
                )
            }
        if domain in ("conditions", "treatments") and "within" in made and self.some(0.2):
            made["by"] = "start"
        if domain == "treatments" and "planned" not in str(made.get("status")) and self.some(0.15):
            made["treatment"] = self.rng.choice(["rituximab", "cyclophosphamide", ["rituximab", "cyclophosphamide"]])
            made["within"] = self.rng.choice(WASHOUTS)
        if domain == "conditions" and self.some(0.2):
            made["for_at_least"] = self.rng.choice(["6 months", "12 weeks", "1 year", "30 days"])
            if self.some(0.3):
                made["at"] = self.rng.choice(list(ANCHORS))
        if self.some(0.2):
            made["verification"] = ["confirmed", "provisional"]
        if code == "malignancy" and self.some(0.8):
            made["except"] = self.rng.choice(
                [["basal-cell-carcinoma"], [{"condition": "basal-cell-carcinoma", "status": "resolved"}]]
            )
        if domain == "allergies" and self.some(0.5):
            made["severity"] = self.rng.choice(["severe", ["moderate", "severe"]])
        if domain == "treatments" and self.some(0.15):
            made["route"] = "intravenous"
        if domain == "treatments" and self.some(0.15):
            made["outcome"] = ["refractory", "relapsed"]
        return made

    # candidates

    def candidate(self, condition: Mapping, definitions: Mapping, exclusion: bool) -> Mapping:
        made: Mapping = {"id": "C-1"}
        every = leaves(read(condition, not exclusion, definitions))
        if self.anchors:
            made["anchors"] = self.anchors
        ages = [leaf for leaf in every if isinstance(leaf, AgeLeaf)]
        if ages and self.some(0.85):
            made |= self.birth(ages)
        if self.some(0.5):
            made["sex"] = self.rng.choice(["female", "male"])
        answers = {
            name: self.rng.choice(options or [True, False]) for name, options in QUESTIONS.items() if self.some(0.5)
        }
        if answers:
            made["answers"] = answers
        observations: list[Mapping] = []
        for code in dict.fromkeys(leaf.code for leaf in every if isinstance(leaf, ResultLeaf)):
            mine = [leaf for leaf in every if isinstance(leaf, ResultLeaf) and leaf.code == code]
            for _ in range(self.rng.choice([0, 1, 1, 1, 2, 2, 3])):
                observations.append(self.observation(mine, observations))
        if observations:
            made["observations"] = observations
        complete: Mapping = {}
        for domain in dict.fromkeys(leaf.domain for leaf in every if isinstance(leaf, EventLeaf)):
            events = [leaf for leaf in every if isinstance(leaf, EventLeaf) and leaf.domain == domain]
            records = [self.record(domain, events) for _ in range(self.rng.choice([0, 1, 1, 1, 2]))]
            if records:
                made[domain] = records
            if self.some(0.6):
                complete[domain] = self.completeness(domain, events)
        if complete:
            made["complete"] = complete
        return made

    def birth(self, ages: list[AgeLeaf]) -> Mapping:
        leaf = self.rng.choice(ages)
        number, unit = leaf.bounds[0][1:] if self.some(0.5) else leaf.bounds[-1][1:]
        completed = number + self.rng.choice([0, 0, 1])
        day = shift(self.today, -completed, unit) + self.rng.choice([-1, 0, 0, 1, -200])
        if self.some(0.1):
            return {"age": {"value": max(0, (self.today - day) // 365), "on": self.date_text(self.today - 30, 0.3)}}
        return {"birth_date": self.date_text(day, 0.5)}

    def completeness(self, domain: str, events: list[EventLeaf]) -> Any:
        if domain == "treatments" and self.some(0.2):
            return {"systems": [self.rng.choice(["atc", "rxnorm"])]}
        if self.some(0.5):
            return True
        return {"through": self.date_text(self.edge(events), 0.2)}

    def date_text(self, day: int, vague: float) -> str:
        written = date.fromordinal(day).isoformat()
        if self.some(vague):
            return written[: self.rng.choice([4, 7, 7])]
        if self.some(0.12):
            return f"{written}T{self.rng.choice(['08:30', '00:00', '23:59'])}"
        return written

    def edge(self, every: list[Any]) -> int:
        """A day on or beside an edge of one of the leaves' windows."""
        days = [self.today - 3, self.today]
        for leaf in every:
            for moment in leaf.window:
                if moment is not None:
                    base = self.today
                    if moment[0] in self.anchors and len(self.anchors[moment[0]]) >= 10:
                        base = date.fromisoformat(self.anchors[moment[0]][:10]).toordinal()
                    days += [shift(base, moment[1], moment[2])] * 2
        return self.rng.choice(days) + self.rng.choice([-1, 0, 0, 0, 1, -40])

    def observation(self, mine: list[ResultLeaf], sofar: list[Mapping]) -> Mapping:
        code = mine[0].code
        made: Mapping = {"code": code}
        same = [record for record in sofar if record["code"] == code and "date" in record]
        if same and self.some(0.25):
            made["date"] = self.rng.choice(same)["date"]
        elif self.some(0.95):
            made["date"] = self.date_text(self.edge(mine), 0.15)
        if self.some(0.04):
            return {**made, "value": None}
        if self.some(0.04):
            made["verification"] = self.rng.choice(["provisional", "refuted"])
        if code in CODED:
            value = self.rng.choice(["positive", "negative", "negative", "reactive", "non-reactive", "indeterminate"])
            return {**made, "value": value}
        if code == "ECOG":
            return {**made, "value": self.rng.choice([0, 1, 2, 3, "1-2", ">1"])}
        return {**made, **self.number(code, mine)}

    def number(self, code: str, mine: list[ResultLeaf]) -> Mapping:
        made: Mapping = {}
        limits = [limit for leaf in mine for bound in leaf.bounds for limit in bound.limits]
        upper = Fraction(self.rng.choice(LIMITS_WRITTEN.get(code, ["1"])))
        lower = Fraction(LOWER_WRITTEN.get(code, "1"))
        detection = self.rng.choice([None, Fraction(10), Fraction(20)]) if code == "HBV-DNA" else None
        target = Fraction(self.rng.choice([10, 20, 30]))
        kinds = {kind for _, kind in TO_CANONICAL[code].values()}
        if limits:
            amount, of, kind = self.rng.choice(limits)
            target = amount * {"": Fraction(1), "ULN": upper, "LLN": lower, "LLOD": detection or Fraction(20)}[of]
            kinds = {kind} if kind else kinds
        units = sorted(unit for unit, (_, kind) in TO_CANONICAL[code].items() if kind in kinds)
        unit = self.rng.choice(units)
        if self.some(0.15):
            # Across mass and amount the factor is not exact here: keep clear of the threshold.
            unit, target = (
                self.rng.choice(sorted(TO_CANONICAL[code])),
                target * self.rng.choice([Fraction(4, 5), Fraction(5, 4)]),
            )
        factor, kind = TO_CANONICAL[code][unit]
        near = target / factor
        near *= self.rng.choice([Fraction(1), Fraction(1), Fraction(99, 100), Fraction(101, 100), Fraction(1, 2)])
        if kind not in kinds or near.denominator not in _FINITE:
            near = Fraction(round(near * 100), 100)
        made["value"] = self.written(near, code)
        if made["value"] in ("not detected", "detected") and self.some(0.5):
            unit = ""
        if unit and not self.some(0.04):
            made["unit"] = unit if not self.some(0.03) else "furlong"
        if self.some(0.65) and code in LIMITS_WRITTEN:
            made["reference_range"] = self.range(code, upper / factor, lower / factor, unit)
        if detection is not None and self.some(0.8):
            made["detection_limit"] = _plain(detection)
        return made

    def range(self, code: str, upper: Fraction, lower: Fraction, unit: str) -> Mapping:
        if any(each.denominator not in _FINITE for each in (upper, lower)):
            # No decimal number in this unit: print the range in the canonical one.
            factor = TO_CANONICAL[code][unit][0]
            canonical = next(each for each, (f, _) in TO_CANONICAL[code].items() if f == 1)
            made = {"high": _plain(upper * factor), "low": _plain(lower * factor), "unit": canonical}
        else:
            made = {"high": _plain(upper), "low": _plain(lower)}
        if self.some(0.2):
            del made[self.rng.choice(["high", "low"])]
        return made

    def written(self, number: Fraction, code: str) -> Any:
        plain = _plain(number)
        dice = self.rng.random()
        if dice < 0.68:
            return plain
        if code == "HBV-DNA" and dice < 0.82:
            return self.rng.choice(["not detected", "detected", "<20", "<10", 0])
        if dice < 0.9:
            return f"{self.rng.choice(['<', '>', '<=', '>='])}{plain}"
        return f"{plain}-{_plain(number * 2)}" if self.some(0.5) else f"{_plain(number / 2)}-{plain}"

    def record(self, domain: str, events: list[EventLeaf]) -> Mapping:
        codes = [code for leaf in events for code in leaf.codes]
        code: Any = self.rng.choice(codes)
        if self.some(0.3):
            related = [each for each in CONCEPTS[domain] if PARENT.get(each, each) == PARENT.get(code, code)]
            code = self.rng.choice(related)
        elif self.some(0.08):
            code = self.rng.choice(CONCEPTS[domain])
        elif self.some(0.04):
            code = {"system": "http://example.org/codes", "code": "X-1"}
        excepted = [each.codes[0] for leaf in events for each in leaf.excepted]
        if excepted and self.some(0.5):
            code = self.rng.choice(excepted)
        made: Mapping = {"code": code}
        if self.some(0.2):
            made["verification"] = self.rng.choice(["provisional", "refuted", "refuted"])
        if made.get("verification") == "refuted":
            return {**made, **({"date": self.date_text(self.edge(events), 0.2)} if self.some(0.6) else {})}
        if domain == "allergies":
            return {**made, **({"severity": self.rng.choice(["mild", "severe"])} if self.some(0.6) else {})}
        if self.some(0.5 if excepted else 0.85):
            chance = self.rng.random()
            made["status"] = self.rng.choice(STATUSES[domain][:2] if chance < 0.8 else STATUSES[domain])
        if made.get("status") in ("never", "not-done"):
            return {**made, **({"date": self.date_text(self.edge(events), 0.2)} if self.some(0.4) else {})}
        planned = made.get("status") == "planned"
        day = self.today + self.rng.choice([1, 14, 28, 29, 200]) if planned else self.edge(events)
        if domain == "procedures":
            return {**made, **({"date": self.date_text(day, 0.2)} if self.some(0.9) else {})}
        first, last = ("onset", "abatement") if domain == "conditions" else ("start", "end")
        for leaf in events:
            if leaf.for_at_least is not None and self.some(0.6):
                day = shift(self.today, -leaf.for_at_least[0], leaf.for_at_least[1]) + self.rng.choice([-1, 0, 1])
        over = made.get("status") in ("completed", "resolved", "remission")
        if over and self.some(0.8):
            day = min(day, self.today)
            made[last] = self.date_text(day, 0.2)
            day -= self.rng.choice([0, 5, 400])
            day = min(day, _start_of(made[last]))
        if self.some(0.8):
            made[first] = self.date_text(day, 0.2) if last not in made else date.fromordinal(day).isoformat()
        if domain == "treatments" and self.some(0.4):
            made["route"] = self.rng.choice(["intravenous", "oral"])
        if domain == "treatments" and self.some(0.4):
            made["outcome"] = self.rng.choice(["refractory", "relapsed", "response"])
        return made


_FINITE = {2**i * 5**j for i in range(12) for j in range(12)}


def _plain(number: Fraction) -> int | float:
    """The number as JSON writes it; it must have a finite decimal expansion."""
    return int(number) if number.denominator == 1 else float(number)


def _start_of(text: str) -> int:
    year, month, day = (*text[:10].split("-"), "01", "01")[:3]
    return date(int(year), int(month), int(day)).toordinal()


def _lacks_else(part: Any) -> bool:
    if isinstance(part, dict):
        return ("if" in part and "else" not in part) or any(_lacks_else(each) for each in part.values())
    return isinstance(part, list) and any(_lacks_else(each) for each in part)
