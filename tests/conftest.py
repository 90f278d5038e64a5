"""How hypothesis tries: the same examples each time, so that a change is what makes a test fail; other ones on demand
(`HYPOTHESIS_PROFILE=deep`)."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("quick", derandomize=True, deadline=None)
settings.register_profile("deep", derandomize=False, deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
