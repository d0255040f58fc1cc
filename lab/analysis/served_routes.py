"""For which route a stack worked, where it can be told: by the handler on it, or by code that only analyses run.

The names are those of the contract's stubs, and of the libraries that ai_core explains with. Of other services nothing
is told, and nothing is guessed.
"""

import re

from lab.model import Stack

_ANALYZE = "POST /analyze"
HANDLERS = {
    "sut.accounts.Accounts.register": "POST /register",
    "sut.accounts.Accounts.login": "POST /login",
    "sut.uploads.Uploads.upload": "POST /datasets",
    "sut.analyze.Analyze.analyze": _ANALYZE,
    "sut.analyst.Analyst.work": _ANALYZE,
    "sut.reading.Reading.report": "GET /report/{id}",
    "sut.reading.Reading.reports": "GET /reports/{userId}",
    "ai_core_stub.app.Analyses.analyze": _ANALYZE,
    "ai_core_stub.worker.analyse": _ANALYZE,
    "ai_core_stub.analysis.analyse": _ANALYZE,
}
"""Functions of the stubs, as the profiler names them, by the route whose requests they serve."""

_ONLY_ANALYSES = re.compile(r"(shap|sklearn)\.")


def route_of(stack: Stack) -> str:
    """Give the route that a stack worked for, "" where it does not show."""
    for frame in stack.frames:
        if frame.words in HANDLERS:
            return HANDLERS[frame.words]
        if _ONLY_ANALYSES.match(frame.words):
            return _ANALYZE
    return ""
