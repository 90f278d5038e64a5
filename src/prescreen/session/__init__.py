"""Live sessions: facts of candidates that come in one by one, statuses told as they change.

The rules fire in durable-rules (`session.worker`), which a screening never imports; leaves are decided by the code that
decides them everywhere.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prescreen.session.book import StoreFailed
    from prescreen.session.model import Change, Outcome
    from prescreen.session.session import Session

__all__ = ["Change", "Outcome", "Session", "StoreFailed"]

_MODULES: Final = {
    "Change": "prescreen.session.model",
    "Outcome": "prescreen.session.model",
    "Session": "prescreen.session.session",
    "StoreFailed": "prescreen.session.book",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_MODULES[name]), name)
    globals()[name] = found
    return found
