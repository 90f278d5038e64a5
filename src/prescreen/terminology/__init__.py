"""Terminologies: whether a code is in a value set, and whether one code lies below another; true, false or unknown."""

from prescreen.terminology.local import Listed, Several
from prescreen.terminology.model import Part, Terminology, ValueSet, value_set_of
from prescreen.terminology.server import Server

__all__ = ["Listed", "Part", "Server", "Several", "Terminology", "ValueSet", "value_set_of"]
