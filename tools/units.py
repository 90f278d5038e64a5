"""`make units`: the units of the shared data, read as they are meant or refused.

Two checks: each spelling of lab-units.tsv against the UCUM code given beside it (REJECT must be refused, LOG: is
the logarithm of that unit), and the UCUM functional tests, validations and conversions. Exit status 1 when a
spelling is misread or fewer tests pass than were promised; 0 with "skipped" where the data is not there.
"""

from __future__ import annotations

import argparse
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from prescreen.quantities import Unit, read_unit  # noqa: E402
from prescreen.quantities.ucum import is_valid, read  # noqa: E402

VALIDATIONS, CONVERSIONS = 528, 29


def spellings(lines: Iterable[str]) -> tuple[int, list[str]]:
    """How many lines were read as meant, and a line on each that was not."""
    good, failures = 0, []
    for line in lines:
        written, _, meaning = line.partition("\t")
        unit = read_unit(written)
        if meaning == "REJECT":
            right, wanted = unit is None, "refused"
        else:
            code = meaning.removeprefix("LOG:")
            right, wanted = _means(unit, read(code), meaning != code), meaning
        good += right
        if not right:
            failures.append(f"{written!r}: wanted {wanted}, read as {unit.ucum if unit else 'no unit'}")
    return good, failures


def _means(unit: Unit | None, meant: Unit | None, log10: bool) -> bool:
    if unit is None or meant is None:
        return False
    return (unit.factor, unit.top, unit.bottom, unit.offset, unit.log10) == (
        meant.factor,
        meant.top,
        meant.bottom,
        meant.offset,
        log10,
    )


def validations(tests: ElementTree.Element) -> tuple[int, list[str]]:
    cases = [case for case in tests.findall("validation/case") if case.get("unit") is not None]
    failures = [
        f"{case.get('id')}: {case.get('unit')!r} should be {'valid' if case.get('valid') == 'true' else 'invalid'}"
        for case in cases
        if is_valid(case.get("unit", "")) != (case.get("valid") == "true")
    ]
    return len(cases) - len(failures), failures


def conversions(tests: ElementTree.Element) -> tuple[int, list[str]]:
    good, failures = 0, []
    for case in tests.findall("conversion/case"):
        source, target = read(case.get("srcUnit", "")), read(case.get("dstUnit", ""))
        converted = (
            Fraction(case.get("value", "")) * source.factor / target.factor
            if source is not None and target is not None and source.dimension == target.dimension
            else None
        )
        outcome = Decimal(case.get("outcome", ""))
        if converted is not None and _rounds_to(converted, outcome):
            good += 1
        else:
            shown = "nothing" if converted is None else f"{float(converted):.12g}"
            question = f"{case.get('value')} {case.get('srcUnit')} in {case.get('dstUnit')}"
            failures.append(f"{case.get('id')}: {question} is {outcome}, not {shown}")
    return good, failures


def _rounds_to(number: Fraction, printed: Decimal) -> bool:
    """Whether a number is the printed one to within half a unit of its last significant digit."""
    last = printed.normalize().as_tuple().exponent
    assert isinstance(last, int)
    return abs(number - Fraction(printed)) <= Fraction(10) ** last / 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="the folder of shared data")
    data: Path = parser.parse_args().data
    status = 0
    table, suite = data / "units" / "lab-units.tsv", data / "ucum" / "UcumFunctionalTests.xml"
    if table.is_file():
        lines = [line for line in table.read_text("utf-8").splitlines()[1:] if "\t" in line]
        good, failures = spellings(lines)
        status |= _tell("spellings read as meant or refused as marked", good, len(lines), len(lines), failures)
    else:
        print(f"skipped: no spellings at {table}")
    if suite.is_file():
        tests = ElementTree.parse(suite).getroot()
        good, failures = validations(tests)
        status |= _tell("UCUM validations", good, good + len(failures), VALIDATIONS, failures)
        good, failures = conversions(tests)
        status |= _tell("UCUM conversions", good, good + len(failures), CONVERSIONS, failures)
    else:
        print(f"skipped: no UCUM functional tests at {suite}")
    return status


def _tell(what: str, good: int, total: int, least: int, failures: list[str]) -> int:
    print(f"{what}: {good} of {total} (at least {least} wanted)")
    for failure in failures:
        print(f"  {failure}")
    return int(good < least)


if __name__ == "__main__":
    sys.exit(main())
