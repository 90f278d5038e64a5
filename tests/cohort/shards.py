"""What columns hold of a small cohort, in one shard."""

from __future__ import annotations

from datetime import date

from prescreen.cohort.arrays import Arrays, Memory
from prescreen.cohort.plan import Plan
from prescreen.cohort.rows import Everybody
from prescreen.cohort.scan import Scan
from prescreen.tables import Tables


def scanned(tables: Tables, plan: Plan, day: date) -> Scan:
    """A small cohort, in one shard."""
    scan = Scan(tables, plan.catalogue, plan.concepts, plan.domains, day.toordinal(), 1 << 12)
    scan.run(lambda *_: None)
    return scan


def columns_of(scan: Scan) -> tuple[Arrays, list[str]]:
    """What columns hold of its candidates, and these."""
    (shard,) = scan.shards
    identities = list(scan.candidates)
    size = len(identities)
    shelf = Everybody(size, scan.pools, scan.concepts, shard.rows().get)
    return Arrays(size, shelf, scan.signature, Memory(), scan.concept), identities
