"""A brute-force reference for the meaning of conditions; shares no code with the program.

`outcomes(condition, candidate, day)` enumerates completions (full records that agree with a candidate's profile) and
decides the condition two-valued in each. Readings taken where docs/semantics.md leaves room:

- A day is any instant of that day; two results of the very same written time may stand in either order.
- Limits are independent: an unknown ULN is any positive number, whatever the LLN or other results' ULN.
- A result with an unreadable unit, a provisional one and one that cannot be read is there, with any value and limits.
  A refuted one and one with a null value are not there.
- What was detected lies above the limit of detection: so does any number above 0 that came without a limit, but for
  `<20`, which leaves it open.
- Highest and lowest go by value; where two results tie, either counts. The mean of fewer results than asked is free.
- Lengths of time between results count instants in hours and days in longer units.
- `consecutive` counts neighbours in time among the results of the window; too few of them make it false.
- A window from an unknown day to another may be empty: then it holds no result and no event.
- A missing status is any status of the domain, planned and never included.
- A plan without a date lies on the screening day or later.
- Ongoing and active run to the end of the screening day. `for_at_least` runs from the start, but from the end where the
  status is remission, resolved or completed.
- A refutation covers the concept and narrower ones begun on its day or before (undated: the screening day or before);
  plans are left open. A confirmed record that it contradicts is right or not; either way the refutation still says that
  nothing else of the kind is left unrecorded.
- A dated not-done denies itself only.
- A record of a broader concept may be any of the narrower ones, together or none of them; a code of a system that no
  concept covers may be any: also one that is refuted.
- A provisional record is right or not; where the leaf takes provisional ones it counts as written.
- A domain complete through the screening day has no unrecorded plans; through an earlier day it may have some.
"""

from tests.reference.worlds import TooManyError, outcomes

__all__ = ["TooManyError", "outcomes"]
