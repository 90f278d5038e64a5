"""`make units` and `make exactness`, small."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"


def run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / tool), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_exactness() -> None:
    done = run("exactness.py", "--cases", "3000")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exact magnitudes: 0 wrong" in done.stdout
    assert "naive floats: 0 wrong" not in done.stdout


def test_units_without_data_is_skipped(tmp_path: Path) -> None:
    done = run("units.py", "--data", str(tmp_path))
    assert done.returncode == 0
    assert done.stdout.count("skipped") == 2


def test_units_tells_a_misread_spelling(tmp_path: Path) -> None:
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / "lab-units.tsv").write_text(
        "written\tmeaning\nmg/dL\tg/L\nnonsense\tREJECT\nlog IU/mL\tLOG:[IU]/mL\n"
    )
    done = run("units.py", "--data", str(tmp_path))
    assert done.returncode == 1
    assert "2 of 3" in done.stdout
    assert "'mg/dL': wanted g/L, read as mg/dL" in done.stdout


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not here")
def test_units_with_data() -> None:
    done = run("units.py", "--data", str(DATA))
    assert done.returncode == 0, done.stdout
