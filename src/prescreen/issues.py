"""What a person should know of data that was read: one form, from the reader to the report."""

from __future__ import annotations

import msgspec


class Issue(msgspec.Struct, frozen=True, gc=False):
    """Something about the data that a person should know: a result later than the screening day, an unreadable unit,
    an implausible value. path: where in the profile."""

    code: str
    path: str | None
    message: str
