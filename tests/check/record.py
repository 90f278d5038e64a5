"""What is made of each construct of the language, kept for people to read, and the command that records it again:

python -m tests.check.record          (from the repository's root, with `src` on PYTHONPATH)
"""

from __future__ import annotations

from pathlib import Path

from prescreen.check.reporting import summary, survivors
from prescreen.check.rules import check_trial

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "mutants.txt"


def drawn() -> str:
    checked = check_trial(str(HERE / "mutants" / "every-construct"))
    return "\n".join([summary(checked), *survivors(checked)]) + "\n"


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(drawn(), encoding="utf-8")
    print(f"recorded {GOLDEN.name}")
