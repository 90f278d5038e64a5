"""From facts and compiled criteria to statuses, explanations and reports (see `prescreen.engine.screen`)."""
