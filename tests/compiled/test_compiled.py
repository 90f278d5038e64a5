"""Where the tests are run on the compiled package, that is what they run on."""

from __future__ import annotations

import os
from importlib import import_module

import pytest

INNER = ("truth", "time", "quantities.magnitude", "language.model", "candidate.facts", "engine.screen", "engine.cases",
         "fhir.bundle", "fhir.observations", "fhir.read")  # fmt: skip


@pytest.mark.skipif("PRESCREEN_COMPILED" not in os.environ, reason="the sources are tested as they are")
@pytest.mark.parametrize("name", INNER)
def test_inner_modules_are_compiled(name: str) -> None:
    file = import_module(f"prescreen.{name}").__file__
    assert file is not None
    assert file.endswith(".so")
