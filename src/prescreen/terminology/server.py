"""A FHIR terminology server: `$validate-code`, `$subsumes` and `$expand` (http://hl7.org/fhir/R4/terminology-service).

Only what the server plainly says is an answer. What it does not know, or cannot be asked, is unknown: no answer, an
error, a code or a system that it does not have, a list that it gives in part only.
"""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from prescreen.catalogue.codes import SYSTEMS, is_code, system_name
from prescreen.problems import InputRefused, Problem
from prescreen.terminology.model import ValueSet
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth

MAX_ANSWER: Final = 64_000_000
_PAGE: Final = 1_000
_MOST_PAGES: Final = 500
_JSON: Final = "application/fhir+json"


class _NoRedirects(HTTPRedirectHandler):
    """What a server is asked about goes to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Server:
    """A terminology server. base: its FHIR base URL, http or https; timeout: of one question, in seconds.

    versions: what the server said of the versions of code systems, in the last expansion.
    """

    def __init__(self, base: str, timeout: float = 30.0) -> None:
        if urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).netloc:
            message = f"`{base[:80]}` is no terminology server: expected an http or https address"
            raise InputRefused([Problem("no-server", message)])
        self.base = base.rstrip("/")
        self.timeout = timeout
        self.versions: tuple[str, ...] = ()
        self._opener = build_opener(_NoRedirects)

    def contains(self, value_set: ValueSet, system: str, code: str) -> Truth:
        own = value_set.of_system(system)
        if not own.include:
            return UNKNOWN
        uri = SYSTEMS[system][0]
        parameters = [
            {"name": "valueSet", "resource": own.as_fhir()},
            {"name": "coding", "valueCoding": {"system": uri, "code": code}},
        ]
        answer = self._ask("ValueSet/$validate-code", {"resourceType": "Parameters", "parameter": parameters})
        result = _parameter(answer, "result")
        if result is True:
            return TRUE
        if result is False and self._knows(system, code):
            return FALSE
        return UNKNOWN

    def _knows(self, system: str, code: str) -> bool:
        """Whether a code exists for the server: one that does not may be newer than what it has."""
        answer = self._ask(f"CodeSystem/$validate-code?{urlencode({'url': SYSTEMS[system][0], 'code': code})}")
        return _parameter(answer, "result") is True

    def subsumes(self, system: str, broader: str, narrower: str) -> Truth:
        query = urlencode({"system": SYSTEMS[system][0], "codeA": broader, "codeB": narrower})
        match _parameter(self._ask(f"CodeSystem/$subsumes?{query}"), "outcome"):
            case "equivalent" | "subsumes":
                return TRUE
            case "subsumed-by" | "not-subsumed":
                return FALSE
            case _:
                return UNKNOWN

    def expand(self, value_set: ValueSet) -> dict[str, tuple[str, ...]] | None:
        found: dict[str, dict[str, None]] = {}
        versions: dict[str, None] = {}
        count = 0
        for _ in range(_MOST_PAGES):
            parameters: list[dict[str, Any]] = [
                {"name": "valueSet", "resource": value_set.as_fhir()},
                {"name": "offset", "valueInteger": count},
                {"name": "count", "valueInteger": _PAGE},
            ]
            answer = self._ask("ValueSet/$expand", {"resourceType": "Parameters", "parameter": parameters})
            expansion = answer.get("expansion") if isinstance(answer, dict) else None
            contains = expansion.get("contains", []) if isinstance(expansion, dict) else None
            if not isinstance(expansion, dict) or not isinstance(contains, list):
                return None
            for each in expansion.get("parameter", []):
                if isinstance(each, dict) and each.get("name") in ("version", "used-codesystem"):
                    versions[str(each.get("valueUri") or each.get("valueString"))] = None
            for each in contains:
                system = system_name(str(each.get("system"))) if isinstance(each, dict) else None
                if system is None or not is_code(system, str(each.get("code"))):
                    return None
                found.setdefault(system, {})[str(each["code"])] = None
            count += len(contains)
            total = expansion.get("total", count)
            if not contains or count >= total:
                self.versions = tuple(versions)
                return {system: tuple(codes) for system, codes in found.items()} if count == total else None
        return None

    def _ask(self, operation: str, body: dict[str, Any] | None = None) -> Any:
        """What the server answers; None where it does not, or not in JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": _JSON, **({} if data is None else {"Content-Type": _JSON})}
        request = Request(f"{self.base}/{operation}", data=data, headers=headers)
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                text = answer.read(MAX_ANSWER + 1)
            return json.loads(text) if len(text) <= MAX_ANSWER else None
        except (URLError, OSError, HTTPException, ValueError, RecursionError):
            return None


def _parameter(answer: Any, name: str) -> Any:
    """The value of a parameter of an answer; None where there is none."""
    parameters = answer.get("parameter") if isinstance(answer, dict) else None
    for each in parameters if isinstance(parameters, list) else ():
        if isinstance(each, dict) and each.get("name") == name:
            return next((value for key, value in each.items() if key.startswith("value")), None)
    return None
