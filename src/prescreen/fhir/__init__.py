"""Candidates from FHIR R4 Bundles, and reports and trials as FHIR resources."""

from prescreen.fhir.read import BundleRead, Seen, read_bundle

__all__ = ["BundleRead", "Seen", "read_bundle"]
