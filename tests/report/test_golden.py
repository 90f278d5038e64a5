"""The outputs as they were last looked at; record them again with `python -m tests.report.record`."""

from __future__ import annotations

import pytest

from . import record


@pytest.mark.parametrize("name", list(record.DRAWN))
def test_output_is_as_recorded(name: str) -> None:
    assert record.DRAWN[name]() == (record.GOLDEN / name).read_text(encoding="utf-8")


def test_every_golden_file_is_drawn() -> None:
    assert {path.name for path in record.GOLDEN.iterdir()} == set(record.DRAWN)
