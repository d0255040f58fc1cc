"""What a threshold can be about: metrics of the load, of servers, and results of whole phases, with their units."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

QUANTILES: Mapping[str, float] = MappingProxyType({"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999})
"""The percentiles there are, by statistic."""

_DURATION = (*QUANTILES, "mean", "max", "count")
_RATE = ("rate", "count")
_COUNT = ("count",)
_OF_SERVERS = (*QUANTILES, "mean", "max", "min", "rate", "increase", "growth")


@dataclass(frozen=True, slots=True)
class Metric:
    """What can be held against a limit: the statistics that make sense of it, and the labels that it has.

    `needed` is a label without which its values are of different kinds and have no statistic in common.
    """

    statistics: tuple[str, ...]
    labels: tuple[str, ...]
    needed: str = ""


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "http_req_duration": Metric(_DURATION, ("scenario", "route")),
        "http_req_waiting": Metric(_DURATION, ("scenario", "route")),
        "response_time": Metric(_DURATION, ("scenario", "route")),
        "http_req_failed": Metric(_RATE, ("scenario", "route")),
        "iteration_duration": Metric(_DURATION, ("scenario",)),
        "analysis_duration": Metric(_DURATION, ("scenario", "explainer")),
        "upload_to_report": Metric(_DURATION, ("scenario", "explainer")),
        "ai_core_analyze": Metric(_DURATION, ("scenario", "explainer", "part"), needed="part"),
        "analysis_failed": Metric(_RATE, ("scenario", "explainer")),
        "checks_failed": Metric(_COUNT, ("scenario", "check")),
        "dropped_iterations": Metric(_COUNT, ("scenario",)),
    }
)
"""Metrics of the load. Durations are in seconds, rates are ratios; `checks_failed` and `dropped_iterations` are counts
alone, since the checks that passed and the journeys that began are not kept beside them. `response_time` counts from
the moment at which a request was due; a request of a dropped journey has waited its deadline in vain."""

SERVER_METRIC = Metric(_OF_SERVERS, ())
"""Any metric of `series/`, named with the label `service` or, of the machine, with the prefix `host_`."""

RESULTS: Mapping[str, str] = MappingProxyType({"recovery_time": "s", "break_point": "per_s"})
"""Results of a whole phase, which are no statistic of anything, with their units."""

ALIASES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "error_rate": ("rate", "http_req_failed"),
        "analysis_error_rate": ("rate", "analysis_failed"),
        "rss_growth": ("growth", "process_resident_memory_bytes"),
        "open_files_growth": ("growth", "process_open_fds"),
        "threads_growth": ("growth", "process_threads"),
        "sockets_growth": ("growth", "process_sockets"),
    }
)
"""Short names: `error_rate{route=...}`, `rss_growth(ai_core)`, or `rss_growth` for every service."""

HEAPS = ("nodejs_heap_size_used_bytes", "go_memstats_heap_alloc_bytes", "jvm_memory_used_bytes")
"""What services of some runtimes tell of their heap, by the names that their Prometheus clients give it."""

GROWING = (*(metric for statistic, metric in ALIASES.values() if statistic == "growth"), *HEAPS)
"""What `growth` is about: measures of process families, and heaps."""

VALUES = MappingProxyType({"explainer": ("tree", "kernel"), "part": ("parse", "fit", "explain", "total")})
"""The values that a label can have, where there are only some."""

UNITS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "s": {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0},
        "ratio": {"": 1.0, "%": 0.01},
        "count": {"": 1.0},
        "value": {"": 1.0},
        "bytes": {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30},
        "per_s": {"": 1.0, "/s": 1.0},
    }
)
"""How limits are written, by the unit that they are kept in, and what each is worth in it. `/h` follows in growth."""

UNIT_HELP = MappingProxyType(
    {
        "s": "a duration needs a unit: ms, s, min or h",
        "ratio": "a rate is a ratio (0.005) or a percentage (0.5%)",
        "count": "a count has no unit",
        "value": "it has no unit",
        "bytes": "a size needs a unit: B, kB, MB, GB, KiB, MiB or GiB",
        "per_s": "it is so many per second: write nothing or /s",
    }
)
_SUFFIXES = {"_bytes": "bytes", "_seconds": "s", "_ratio": "ratio", "_bytes_total": "bytes", "_seconds_total": "s"}


def is_server_metric(metric: str) -> bool:
    """Whether a metric is one of `series/`, and no metric of the load or result of a phase."""
    return metric not in METRICS and metric not in RESULTS


def base_unit(statistic: str, metric: str) -> str:
    """Give the unit (a key of UNITS) of a statistic of a metric; of `growth`, what grows per hour."""
    if metric in RESULTS:
        return RESULTS[metric]
    if not is_server_metric(metric):
        return {"rate": "ratio", "count": "count"}.get(statistic, "s")
    if statistic == "rate":
        return "per_s"
    endings = [suffix for suffix in _SUFFIXES if metric.endswith(suffix)]
    return _SUFFIXES[max(endings, key=len)] if endings else "value"
