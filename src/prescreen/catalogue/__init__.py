"""What each code means: concepts, their names in code systems, units and questions."""

from prescreen.catalogue.catalogue import Catalogue
from prescreen.catalogue.codes import HIERARCHICAL, system_name
from prescreen.catalogue.load import bundled_catalogue, load_catalogue, read_catalogue
from prescreen.catalogue.model import (
    DOMAINS,
    Asked,
    Domain,
    Equivalent,
    EventConcept,
    HalfLife,
    ObservationConcept,
    Related,
)

__all__ = [
    "DOMAINS",
    "HIERARCHICAL",
    "Asked",
    "Catalogue",
    "Domain",
    "Equivalent",
    "EventConcept",
    "HalfLife",
    "ObservationConcept",
    "Related",
    "bundled_catalogue",
    "load_catalogue",
    "read_catalogue",
    "system_name",
]
