"""A terminology server in this process, that speaks $validate-code, $subsumes and $expand over a small hierarchy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

SNOMED = "http://snomed.info/sct"
PARENT = {"68815009": "55464009", "55464009": "201436003", "295121000119101": "68815009", "201436003": ""}
"""A child and its parent: SLE glomerulonephritis below SLE below a lupus; and a kind of the first."""


def above(code: str) -> list[str]:
    found = [code]
    while PARENT.get(found[-1]):
        found.append(PARENT[found[-1]])
    return found


class Double(BaseHTTPRequestHandler):
    """mood: how it misbehaves, if at all. asked: the paths so far."""

    mood = ""
    asked: list[str] = []  # noqa: RUF012 - shared by the requests of a test

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path.endswith("CodeSystem/$subsumes"):
            self._answer(_parameters(outcome=self._subsumes(query["codeA"], query["codeB"])))
        elif parts.path.endswith("CodeSystem/$validate-code"):
            self._answer(_parameters(result=query["code"] in PARENT))
        else:
            self._answer({"resourceType": "OperationOutcome"}, 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        given = {each["name"]: next(v for k, v in each.items() if k != "name") for each in body["parameter"]}
        codes = self._codes(given["valueSet"])
        if self.path.endswith("ValueSet/$validate-code"):
            self._answer(_parameters(result=given["coding"]["code"] in codes))
        elif self.path.endswith("ValueSet/$expand"):
            page = codes[given["offset"] : given["offset"] + 1]  # a page holds one code
            contains = [{"system": SNOMED, "code": code} for code in page]
            total = len(codes) + (3 if self.mood == "partial" else 0)
            parameter = [{"name": "version", "valueUri": f"{SNOMED}|2026-01"}]
            expansion = {"timestamp": "2026-01-31", "total": total, "contains": contains, "parameter": parameter}
            self._answer({"resourceType": "ValueSet", "status": "active", "expansion": expansion})
        else:
            self._answer({"resourceType": "OperationOutcome"}, 404)

    def _codes(self, value_set: dict[str, Any]) -> list[str]:
        def of(parts: list[dict[str, Any]]) -> set[str]:
            found: set[str] = set()
            for part in parts:
                assert part["system"] == SNOMED
                found |= {each["code"] for each in part.get("concept", ())}
                for each in part.get("filter", ()):
                    assert (each["property"], each["op"]) == ("concept", "is-a")
                    found |= {code for code in PARENT if each["value"] in above(code)}
            return found

        compose = value_set["compose"]
        return sorted(of(compose["include"]) - of(compose.get("exclude", [])))

    def _subsumes(self, a: str, b: str) -> str:
        if a == b:
            return "equivalent"
        return "subsumes" if a in above(b) else "subsumed-by" if b in above(a) else "not-subsumed"

    def _answer(self, data: dict[str, Any], status: int = 200) -> None:
        type(self).asked.append(self.path)
        text = json.dumps(data).encode()
        if self.mood == "error":
            status, text = 500, b"out of order"
        elif self.mood == "elsewhere":
            status = 302
        elif self.mood == "nonsense":
            text = b'{"parameter": 5'
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:9/else")
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


def _parameters(**values: Any) -> dict[str, Any]:
    kinds = {bool: "valueBoolean", str: "valueCode"}
    parameter = [{"name": name, kinds[type(value)]: value} for name, value in values.items()]
    return {"resourceType": "Parameters", "parameter": parameter}


@contextmanager
def double(mood: str = "") -> Iterator[str]:
    """The address of a server that is there as long as the block lasts."""
    handler = type("Handler", (Double,), {"mood": mood, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/fhir"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
