"""Slices of load, made from the few values that a test is about."""

from typing import Any

from lab.model import LoadSlice


def a_slice(rate_per_s: float, **changes: Any) -> LoadSlice:
    """Give a good slice of a minute at a rate, in which nothing but the load is known."""
    values: dict[str, Any] = {
        "drive": f"at-{rate_per_s:g}",
        "kind": "sustain",
        "started_at": 0.0,
        "ended_at": 60.0,
        "rate_per_s": rate_per_s,
        "requests_per_s": rate_per_s,
        "extra_polls_per_s": 0.0,
        "scenarios": (("mixed", rate_per_s),),
        "cores": (),
        "latency_s": (),
        "goodput_per_s": rate_per_s,
        "concurrency": rate_per_s / 10,
        "failed_share": 0.0,
        "is_good": True,
    }
    return LoadSlice(**{**values, **changes})
