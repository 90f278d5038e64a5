"""Days as integers relative to the screening day: anchors, moments, windows and lengths of time.

Days of the calendar are not fixed: so many months before an anchor are any number of days that months can have, the
same for all windows that say the same of the same anchor. What is shown impossible is so on every screening day. To
write a candidate down, the days are fixed (`Days.fixed`).
"""

from __future__ import annotations

from itertools import pairwise

import z3

from prescreen.language.model import SCREENING, Moment, Window
from prescreen.prove.calendar import days_between_months, days_of_months
from prescreen.time import Span, shift_day

FARTHEST = 150 * 366  # days; nothing that a leaf asks about lies farther away


def months_of(span: Span) -> int | None:
    """A span in calendar months, None where it is one of days or hours."""
    return {"months": span.number, "years": 12 * span.number}.get(span.unit)


def days_of(span: Span) -> int:
    """A span of days or weeks in days."""
    return span.number * (7 if span.unit == "weeks" else 1)


class Days:
    """The anchors of a query as integers, and what is said about them.

    sound: what holds in every record. exact: what a candidate that is written down keeps to besides.
    """

    def __init__(self) -> None:
        self.anchors: dict[str, z3.ArithRef] = {}
        self._months: dict[tuple[str, int], dict[int, z3.ArithRef]] = {}
        self._free = 0
        self.exact: list[z3.BoolRef] = []
        self._spans: list[z3.BoolRef] = []

    def anchor(self, name: str) -> z3.ArithRef:
        """The day of an anchor; the screening day is 0."""
        if name == SCREENING:
            return z3.IntVal(0)
        if name not in self.anchors:
            self.anchors[name] = z3.Int(f"anchor:{name}")
        return self.anchors[name]

    def sound(self) -> list[z3.BoolRef]:
        found = list(self._spans)
        for day in self.anchors.values():
            found += [day >= -FARTHEST, day <= FARTHEST]
        for (_, sign), lengths in self._months.items():
            for months, days in lengths.items():
                least, most = days_of_months(months, sign)
                found += [days >= least, days <= most]
            for fewer, more in pairwise(sorted(lengths)):
                least, most = days_between_months(fewer, more, sign)
                found += [lengths[more] - lengths[fewer] >= least, lengths[more] - lengths[fewer] <= most]
        return found

    def fixed(self, screening: int, model: z3.ModelRef) -> list[z3.BoolRef]:
        """The anchors on the days that a model gave them, and months as long as they then are."""
        found: list[z3.BoolRef] = []
        place = {SCREENING: 0}
        for name, day in self.anchors.items():
            place[name] = model.eval(day, model_completion=True).as_long()
            found.append(day == place[name])
        for (anchor, sign), lengths in self._months.items():
            start = screening + place[anchor]
            for months, days in lengths.items():
                found.append(days == abs(shift_day(start, Span(months, "months"), sign) - start))
        return found

    def start(self, moment: Moment | None) -> tuple[z3.ArithRef, z3.ArithRef] | None:
        """The first day that surely lies after a window's beginning, and the first that may; None: it has none."""
        return None if moment is None else self._end(moment, opens=True)

    def end(self, moment: Moment | None) -> tuple[z3.ArithRef, z3.ArithRef] | None:
        """The last day that surely lies before a window's end, and the last that may."""
        return None if moment is None else self._end(moment, opens=False)

    def _end(self, moment: Moment, opens: bool) -> tuple[z3.ArithRef, z3.ArithRef]:
        anchor, span = self.anchor(moment.anchor), moment.span
        if span is None:
            return anchor, anchor
        if span.unit == "hours":
            # An anchor is any instant of its day: what lies within a day of the edge may be on either side.
            shift = moment.sign * span.number
            up, down = -(-shift // 24), shift // 24
            return (anchor + 1 + up, anchor + down) if opens else (anchor + down - 1, anchor + up)
        months = months_of(span)
        day = anchor + moment.sign * (days_of(span) if months is None else self._of_months(moment, months))
        return day, day

    def _of_months(self, moment: Moment, months: int) -> z3.ArithRef:
        lengths = self._months.setdefault((moment.anchor, moment.sign), {})
        if months not in lengths:
            lengths[months] = z3.Int(f"months:{moment.anchor}:{moment.sign}:{months}")
        return lengths[months]

    def possible(self, window: Window) -> z3.BoolRef:
        """Whether a window can hold anything of the past: it ends no sooner than it begins, and begins by today."""
        start, end = self.start(window.start), self.end(window.end)
        parts = []
        if start is not None:
            parts.append(start[1] <= 0)
            if end is not None:
                parts.append(start[1] <= end[1])
        return z3.And(*parts)

    def overlaps(self, first: z3.ArithRef, last: z3.ArithRef, window: Window) -> z3.BoolRef:
        """Whether some day from `first` to `last` lies in a window."""
        start, end = self.start(window.start), self.end(window.end)
        parts = []
        if start is not None:
            parts.append(self._decided(last >= start[0], last >= start[1]))
        if end is not None:
            parts.append(self._decided(first <= end[0], first <= end[1]))
        if start is not None and end is not None:  # with ends on two anchors it may end before it begins
            parts.append(start[1] <= end[1])
        return z3.And(*parts)

    def reaches(self, since: z3.ArithRef, span: Span, until: z3.ArithRef, more: int = 0) -> z3.BoolRef:
        """Whether the day `span` (and `more` days) after `since` is `until` or before it."""
        if span.unit == "hours":
            surely, perhaps = 1 - (-span.number // 24), span.number // 24
            return self._decided(since + surely + more <= until, since + perhaps + more <= until)
        months = months_of(span)
        if months is None:
            return since + days_of(span) + more <= until
        least, most = days_of_months(months, 1)
        length = self._new("length")
        self._spans += [length >= least, length <= most]
        self.exact.append(z3.Or(since + most + more <= until, since + least + more > until))
        return since + length + more <= until

    def _decided(self, surely: z3.BoolRef, perhaps: z3.BoolRef) -> z3.BoolRef:
        """True where it is sure, false where it cannot be, open between."""
        if surely.eq(perhaps):
            return surely
        open_ = z3.Bool(f"open:{self._number()}")
        self.exact.append(z3.Or(surely, z3.Not(perhaps)))
        return z3.Or(surely, z3.And(perhaps, open_))

    def _new(self, what: str) -> z3.ArithRef:
        return z3.Int(f"{what}:{self._number()}")

    def _number(self) -> int:
        self._free += 1
        return self._free
