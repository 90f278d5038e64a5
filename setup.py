"""Builds prescreen; with PRESCREEN_COMPILE=1 what a screening passes through is compiled to C (docs/decisions/0010).

The rest of the build is told in pyproject.toml. Not compiled: what is made of pydantic models or msgspec structs, and
what runs once.
"""

import os
from pathlib import Path

from setuptools import setup

COMPILED = [
    "memory.py",
    "truth.py",
    "time.py",
    "quantities/analytes.py",
    "quantities/magnitude.py",
    "quantities/numerals.py",
    "quantities/units.py",
    "quantities/written.py",
    "language/model.py",
    "candidate/checks.py",
    "candidate/facts.py",
    "candidate/taking.py",
    "catalogue/catalogue.py",
    "catalogue/codes.py",
    "candidate/leftopen.py",
    "ranges.py",
    "engine/*.py",
    "fhir/bundle.py",
    "fhir/codes.py",
    "fhir/events.py",
    "fhir/medications.py",
    "fhir/observations.py",
    "fhir/person.py",
    "fhir/plain.py",
    "fhir/read.py",
    "fhir/setting.py",
    "fhir/settle.py",
    "fhir/times.py",
]
PLAIN = ["engine/__init__.py", "engine/keys.py"]


def compiled():
    """The extension modules: none unless they are asked for."""
    if os.environ.get("PRESCREEN_COMPILE") != "1":
        return []
    from mypyc.build import mypycify

    package = Path("src/prescreen")
    left_out = {package / name for name in PLAIN}
    files = sorted(path for name in COMPILED for path in package.glob(name) if path not in left_out)
    options = ["--config-file", "pyproject.toml"]
    # One C file for each module: as fast, and compiled in half the time.
    modules = mypycify([*options, *map(str, files)], opt_level="2", debug_level="0", multi_file=True)
    for module in modules:
        # Nothing outside calls into them, so that calls among them need no detour.
        module.extra_compile_args += ["-fvisibility=hidden", "-fno-semantic-interposition"]
    return modules


setup(ext_modules=compiled())
