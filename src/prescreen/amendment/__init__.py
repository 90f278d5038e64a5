"""What an amendment changed: two versions of a rule file, compared criterion by criterion, in words."""

from prescreen.amendment.compare import compare
from prescreen.amendment.model import Amendment, CriterionChange, Difference, Search, TrialChange, Witness

__all__ = ["Amendment", "CriterionChange", "Difference", "Search", "TrialChange", "Witness", "compare"]
