"""Reports built by hand: every kind of status, node and evidence once, as the engine would say it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from prescreen.report import CriterionReport, Evidence, Explanation, Issue, Missing, NextFact, Report

TRIAL = "NCT07535138"
TITLE = "CD19 CAR-γδ T cells in relapsed or refractory autoimmune nephropathy"
GAPS = (
    "the inclusion list breaks off after liver function",
    "the exclusion list breaks off after infections",
)
HASHES = {
    "rules_sha256": "3f8a1c0e5b7d49a2863e10fbc94d2277a5b06e1fd38c4490b1e7a6c25d9f0834",
    "catalogue_sha256": "b21d7e94c0f3486aa95712de680c3fb4470d915e2ab86cf3d1470e59a8263c7d",
}


def record(
    where: str,
    label: str,
    written: str | None = None,
    date: str | None = None,
    source: str | None = None,
    *,
    compared: str | None = None,
    role: str = "decides",
    note: str | None = None,
) -> Evidence:
    return Evidence(where, label, written, date, source, compared, role, note)


AGE = CriterionReport(
    id="I1",
    kind="inclusion",
    status="met",
    condition=True,
    exact=True,
    text="Aged 18 to 65 years.",
    headline="Age 41, required 18 to 65 years",
    explanation=Explanation(
        "age",
        True,
        "age 18 to 65 years on the screening day",
        "41 years on 2026-03-10",
        evidence=(record("birth_date", "birth date", "1984-07", None),),
    ),
    deciding=("birth_date",),
    missing=(),
    turns_on="2050-07-31",
    conflict=False,
    section="inclusion",
    item="1",
    turns_to="undetermined",
)

CONSENT = CriterionReport(
    id="I2",
    kind="inclusion",
    status="undetermined",
    condition=None,
    exact=True,
    text="Agrees to take part and has signed the informed consent form.",
    headline="informed consent: not answered",
    explanation=Explanation("answer", None, "informed consent is given", "not answered", reason="missing"),
    deciding=(),
    missing=("answer:informed-consent",),
    turns_on=None,
    conflict=False,
    section="inclusion",
    item="2",
)

LIVER = CriterionReport(
    id="I3.1",
    kind="inclusion",
    status="met",
    condition=True,
    exact=True,
    text=(
        "ALT, AST and ALP at most 3 × ULN and bilirubin at most 2 × ULN, "
        "unless explained by the active autoimmune disease."
    ),
    headline=(
        "ALT 92 U/L = 2.3 × ULN 40 (the result's own), limit 3 ×; AST 0.8 ×, ALP 0.6 ×, bilirubin 0.83 ×, limit 2 ×"
    ),
    explanation=Explanation(
        "unless",
        True,
        "liver function, or an exception",
        children=(
            Explanation(
                "all",
                True,
                "all of",
                children=(
                    Explanation(
                        "observation",
                        True,
                        "ALT at most 3 × ULN, latest within 28 days before screening",
                        "92 U/L on 2026-03-02 = 2.3 × ULN 40 U/L",
                        threshold="120 U/L",
                        limit="ULN 40 U/L, the reference range of the result itself",
                        margin=-0.2333,
                        evidence=(
                            record("observations[0]", "ALT", "92 U/L", "2026-03-02", "lab report 17"),
                            record("observations[7]", "ALT", "141 U/L", "2025-11-02", "lab report 9", role="outside"),
                        ),
                    ),
                    Explanation(
                        "observation",
                        True,
                        "AST at most 3 × ULN, latest within 28 days before screening",
                        "32 U/L on 2026-03-02 = 0.8 × ULN 40 U/L",
                        threshold="120 U/L",
                        limit="ULN 40 U/L, site table for AST, female, 18 years and older, valid from 2024-01-01",
                        margin=-0.7333,
                        evidence=(record("observations[1]", "AST", "32 U/L", "2026-03-02", "lab report 17"),),
                    ),
                    Explanation(
                        "observation",
                        True,
                        "ALP at most 3 × ULN, latest within 28 days before screening",
                        "74 U/L on 2026-03-02 = 0.6 × ULN 120 U/L",
                        threshold="360 U/L",
                        limit="ULN 120 U/L, the reference range of the result itself",
                        margin=-0.7944,
                        evidence=(record("observations[2]", "ALP", "74 U/L", "2026-03-02", "lab report 17"),),
                    ),
                    Explanation(
                        "observation",
                        True,
                        "total bilirubin at most 2 × ULN, latest within 28 days before screening",
                        "17.1 µmol/L on 2026-03-02 = 0.83 × ULN 1.2 mg/dL",
                        threshold="41.0496 µmol/L",
                        limit="ULN 1.2 mg/dL, the reference range of the result itself",
                        margin=-0.5834,
                        evidence=(
                            record(
                                "observations[3]",
                                "total bilirubin",
                                "17.1 umol/L",
                                "2026-03-02",
                                "lab report 17",
                                compared="17.1 µmol/L = 0.99977 mg/dL (584.66 g/mol)",
                            ),
                        ),
                    ),
                ),
            ),
            Explanation(
                "answer",
                None,
                "the abnormal organ function is explained by the active autoimmune disease",
                "not answered",
                reason="missing",
            ),
        ),
    ),
    deciding=("observation:ALT", "observation:AST", "observation:ALP", "observation:total-bilirubin"),
    missing=(),
    turns_on="2026-03-31",
    conflict=False,
    section="inclusion",
    item="3.1",
    reading='"ALT, AST or ALP" is taken as each of them; "exceptions are allowed" is put to the investigator',
    turns_to="undetermined",
)

MALIGNANCY = CriterionReport(
    id="E3",
    kind="exclusion",
    status="met",
    condition=False,
    exact=False,
    text=(
        "A history of malignancy other than B-cell lymphoma, except those cured or in remission for at least 5 years, "
        "radically resected basal or squamous cell carcinoma of the skin, and carcinoma in situ."
    ),
    headline="basal cell carcinoma 2019 is excepted; no other malignancy through 2026-03-10 (list complete)",
    explanation=Explanation(
        "condition",
        False,
        "malignancy ever, except B-cell lymphoma, carcinoma in situ, resected skin carcinoma",
        "basal cell carcinoma is excepted; the list of conditions is complete",
        evidence=(
            record(
                "conditions[1]", "basal cell carcinoma", None, "2019", "pathology", role="considered", note="excepted"
            ),
            record("complete.conditions", "list of conditions declared complete", None, "2026-03-10"),
        ),
    ),
    deciding=("complete:conditions", "condition:basal-cell-carcinoma"),
    missing=(),
    turns_on=None,
    conflict=False,
    section="exclusion",
    item="3",
)

SURGERY = CriterionReport(
    id="E4",
    kind="exclusion",
    status="failed",
    condition=True,
    exact=True,
    text="Major surgery within 24 weeks before screening, or surgery planned within 24 weeks after enrolment.",
    headline="appendectomy 2026-01-12, 8 weeks before; outside the window from 2026-06-30",
    explanation=Explanation(
        "any",
        True,
        "any of",
        children=(
            Explanation(
                "procedure",
                True,
                "major surgery, completed, within 24 weeks before screening (2025-09-23 to 2026-03-10)",
                "appendectomy 2026-01-12",
                evidence=(record("procedures[0]", "appendectomy", None, "2026-01-12", "discharge letter"),),
            ),
            Explanation(
                "procedure",
                None,
                "major surgery, planned, within 24 weeks after enrolment",
                "the day of enrolment is not known",
                reason="anchor",
            ),
        ),
    ),
    deciding=("procedure:major-surgery",),
    missing=(),
    turns_on="2026-06-30",
    conflict=False,
    section="exclusion",
    item="4",
    turns_to="undetermined",
)

HEPATITIS = CriterionReport(
    id="E6",
    kind="exclusion",
    status="undetermined",
    condition=None,
    exact=True,
    text=(
        "Active hepatitis B: HBsAg or HBcAb positive with HBV DNA above the limit of detection, or below it without "
        "prophylactic antiviral therapy; or active hepatitis C."
    ),
    headline="HBsAg and HBcAb are not on file; HBV DNA <20 IU/mL without a limit of detection",
    explanation=Explanation(
        "any",
        None,
        "any of",
        children=(
            Explanation(
                "all",
                None,
                "all of",
                children=(
                    Explanation(
                        "use",
                        None,
                        "exposed to hepatitis B",
                        children=(
                            Explanation(
                                "any",
                                None,
                                "any of",
                                children=(
                                    Explanation(
                                        "observation", None, "HBsAg is positive", "not on file", reason="missing"
                                    ),
                                    Explanation(
                                        "observation", None, "HBcAb is positive", "not on file", reason="missing"
                                    ),
                                ),
                            ),
                        ),
                    ),
                    Explanation(
                        "any",
                        None,
                        "any of",
                        children=(
                            Explanation(
                                "observation",
                                None,
                                "HBV DNA above the limit of detection",
                                "<20 IU/mL on 2026-03-02; 20 may be a limit of quantification",
                                limit="none stated with the result",
                                reason="detection_limit",
                                evidence=(
                                    record(
                                        "observations[5]",
                                        "HBV DNA",
                                        "<20 [IU]/mL",
                                        "2026-03-02",
                                        "virology",
                                        compared="[0, 20) IU/mL",
                                        role="considered",
                                    ),
                                ),
                            ),
                            Explanation(
                                "not",
                                None,
                                "not",
                                children=(
                                    Explanation(
                                        "answer",
                                        None,
                                        "antiviral prophylaxis is planned",
                                        "not answered",
                                        reason="missing",
                                    ),
                                ),
                            ),
                        ),
                    ),
                ),
            ),
            Explanation(
                "all",
                False,
                "all of",
                children=(
                    Explanation(
                        "observation",
                        False,
                        "HCV antibody is positive",
                        "negative on 2026-03-02",
                        evidence=(record("observations[6]", "HCV antibody", "non-reactive", "2026-03-02", "virology"),),
                    ),
                    Explanation("observation", None, "HCV RNA is positive", "not on file", reason="missing"),
                ),
            ),
        ),
    ),
    deciding=(),
    missing=(
        "observation:HBsAg",
        "observation:HBcAb",
        "observation:HBV-DNA#detection_limit",
        "answer:hbv-prophylaxis-planned",
    ),
    turns_on=None,
    conflict=False,
    section="exclusion",
    item="6",
    reading="hepatitis B and C are separate; each of the two markers counts as exposure",
)

HIV = CriterionReport(
    id="E7",
    kind="exclusion",
    status="undetermined",
    condition=None,
    exact=True,
    text="Infection with HIV, HTLV, syphilis or CMV, or selective IgA deficiency.",
    headline="two HIV antibody results of 2026-03-02 disagree",
    explanation=Explanation(
        "any",
        None,
        "any of",
        children=(
            Explanation(
                "observation",
                None,
                "HIV antibody is positive",
                "positive and negative at the same time",
                reason="conflict",
                evidence=(
                    record("observations[8]", "HIV antibody", "reactive", "2026-03-02", "virology", role="conflicts"),
                    record(
                        "observations[9]", "HIV antibody", "negative", "2026-03-02", "point of care", role="conflicts"
                    ),
                ),
            ),
            Explanation(
                "if",
                False,
                "IgA deficiency",
                children=(
                    Explanation("age", True, "age at least 4 years", "41 years"),
                    Explanation(
                        "observation",
                        False,
                        "IgA below 0.07 g/L",
                        "2.1 g/L on 2026-03-02",
                        threshold="0.07 g/L",
                        margin=29.0,
                        evidence=(
                            record(
                                "observations[10]",
                                "IgA",
                                "210 mg/dL",
                                "2026-03-02",
                                "lab report 17",
                                compared="2.1 g/L",
                            ),
                        ),
                    ),
                    Explanation(
                        "answer", None, "selective IgA deficiency is suspected", "not answered", reason="missing"
                    ),
                ),
            ),
        ),
    ),
    deciding=(),
    missing=("observation:HIV-Ab",),
    turns_on=None,
    conflict=True,
    section="exclusion",
    item="7",
)

NEXT = (
    NextFact(
        "observation:HBsAg",
        ("observation:HBsAg", "observation:HBcAb"),
        "coordinator",
        "What are the HBsAg and HBcAb results of the last 28 days? Both negative settle E6.",
        ("E6",),
        False,
    ),
    NextFact(
        "observation:HIV-Ab", ("observation:HIV-Ab",), "coordinator", "Which HIV antibody result holds?", ("E7",), True
    ),
    NextFact(
        "answer:informed-consent",
        ("answer:informed-consent",),
        "candidate",
        "Has the informed consent form been signed?",
        ("I2",),
        False,
    ),
)

QUESTIONS = (
    Missing("observation:HBcAb", "coordinator", "What is the HBcAb result?"),
    Missing("answer:hbv-prophylaxis-planned", "investigator", "Will antiviral prophylaxis be given?"),
)

ISSUES = (
    Issue(
        "later-than-screening", "observations[4]", "creatinine of 2026-04-01 is later than the screening day; ignored"
    ),
    Issue("implausible", "observations[11].value", "haemoglobin 130 g/dL is outside 1 to 30 g/dL; decides nothing"),
)


def report(candidate: str, criteria: tuple[CriterionReport, ...], **other: object) -> Report:
    """A report with these criteria; the verdict follows from them and from `source_complete`."""
    statuses = [criterion.status for criterion in criteria]
    complete = bool(other.get("source_complete", False))
    verdict = (
        "ineligible"
        if "failed" in statuses
        else "undetermined"
        if "undetermined" in statuses or not complete
        else "eligible"
    )
    fields: dict[str, object] = {
        "trial": TRIAL,
        "title": TITLE,
        **HASHES,
        "ranges_sha256": None,
        "candidate": candidate,
        "screening_date": "2026-03-10",
        "verdict": verdict,
        "cohorts": {},
        "source_complete": complete,
        "source_gaps": () if complete else GAPS,
        "criteria": criteria,
        "next_facts": (),
        "rescreen_on": None,
        "counts": {status: statuses.count(status) for status in ("met", "failed", "undetermined")},
        "issues": (),
    }
    return Report(**fields | other)  # type: ignore[arg-type]


def c017() -> Report:
    """The candidate of the design's example, whole: one failed, three undetermined, three met."""
    return report(
        "C-017",
        (AGE, CONSENT, LIVER, MALIGNANCY, SURGERY, HEPATITIS, HIV),
        next_facts=NEXT,
        questions=QUESTIONS,
        rescreen_on="2026-06-30",
        issues=ISSUES,
        ranges_sha256="0c5e7f2294ab1d6083fe5c9107ad46b8e25f93ca7710d84be6a92fb153c8d07e",
    )


def several() -> list[Report]:
    """A candidate of each verdict, one held back by the source alone, and one in a trial with two arms."""
    return [
        c017(),
        report("C-002", (AGE, LIVER, MALIGNANCY), source_complete=True),
        report("C-003", (AGE, LIVER)),
        report("C-004", (AGE, CONSENT), next_facts=NEXT[2:], cohorts={"A": "ineligible", "B": "undetermined"}),
    ]


HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07[bold red]hi[/] :smile: | `x` **b** _i_ <script>alert(1)</script> &lt; "
    "![i](http://e.example/x) <http://e.example> https://e.example www.e.example @user a@e.example #12 GH-3 "
    "a\r\n\r\n# heading\n- item\n```\n\u202egnp.exe\u200f\u2028\x00\ud800 {{ 7*7 }} {% raw %} $x$ ~~s~~ "
    "<!-- c --> ]]> \\| \\` [a]: http://e.example z\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301"
)


def hostile(text: str = HOSTILE) -> Report:
    """Every text of a report that can come from a rule file or a profile is `text`."""
    evidence = Evidence(text, text, text, text, text, text, text, text)
    leaf = Explanation(text, None, text, text, text, text, float("inf"), text, (evidence,))
    tree = Explanation(
        "unless", False, text, children=(leaf, Explanation("if", True, text, children=(leaf,) * 4), leaf)
    )
    criterion = CriterionReport(
        id=text,
        kind="exclusion",
        status="failed",
        condition=True,
        exact=False,
        text=text,
        headline=text,
        explanation=tree,
        deciding=(text, f"observation:{text}#{text}"),
        missing=(text, f"answer:{text}"),
        turns_on=text,
        conflict=True,
        cohorts=(text,),
        section=text,
        item=text,
        reading=text,
        turns_to="met",
    )
    return report(
        text,
        (criterion,),
        trial=text,
        title=text,
        rules_sha256=text,
        catalogue_sha256=text,
        ranges_sha256=text,
        screening_date=text,
        cohorts={text: "ineligible", "B": "eligible"},
        source_gaps=(text,),
        next_facts=(NextFact(text, (text, text), text, text, (text,), True),),
        rescreen_on=text,
        issues=(Issue(text, text, text),),
        questions=(Missing(text, text, text),),
    )


def deep(levels: int = 400) -> Report:
    """A tree of that many levels."""
    node = Explanation("observation", None, "ALT at most 3 × ULN")
    for _ in range(levels):
        node = Explanation("not", None, "not", children=(node,))
    return report("C-009", (replace(AGE, explanation=node),))


def texts(of: object) -> Iterator[str]:
    """Every string in a report's dump, keys left out."""
    match of:
        case str():
            yield of
        case dict():
            for value in of.values():
                yield from texts(value)
        case list() | tuple():
            for value in of:
                yield from texts(value)
