"""The parts of a target file that are about services which already run: where they are, and their own names."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from lab.config.reading import did_you_mean
from lab.errors import ConfigError
from lab.target_guard import host_name, host_of

METRICS = (
    "http_requests_total",
    "http_request_duration_seconds",
    "http_requests_in_flight",
    "ai_core_analyze_seconds",
    "ai_core_errors_total",
    "ai_core_queue_depth",
    "analyses_total",
    "analyze_queue_depth",
    "mongodb_pool_connections",
    "mongodb_pool_wait_seconds",
    "mongodb_pool_opened_total",
    "mongodb_pool_closed_total",
    "mongodb_command_duration_seconds",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_start_time_seconds",
    "nodejs_heap_size_used_bytes",
)
"""The names by which the lab knows what services tell (docs/contract.md); `[metrics]` maps them to a service's own."""

_ROUTE = re.compile(r"(?P<method>[A-Z]+) (?P<path>/[A-Za-z0-9._~%:+{}/-]*(\?[A-Za-z0-9._~%:+{}/=&-]*)?)")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_OWN_DATABASES = ("admin", "config", "local")
_ONLY_OF_THE_FILE = ("allowed_hosts", "database")


def url_problem(kind: str, url: str) -> str:
    """What is wrong with the URL of a service of this kind; "" if nothing."""
    try:
        host_of(url)
    except ConfigError as error:
        return str(error)
    wanted = "mongodb://" if kind == "mongod" else "http://"
    return "" if url.startswith(wanted) else f"the url of a service of kind {kind} begins with {wanted}"


def host_problems(hosts: Iterable[str]) -> list[str]:
    """What is wrong with `allowed_hosts`."""
    return _caught("allowed_hosts", host_name, hosts)


def route_problems(routes: Mapping[str, str], known: Sequence[str]) -> list[str]:
    """What is wrong with `[routes]`; `known` are the contract's routes."""
    return [f"routes.{ours!r}: {problem}" for ours, own in routes.items() for problem in _of_route(ours, own, known)]


def _of_route(ours: str, own: str, known: Sequence[str]) -> Iterator[str]:
    if ours not in known:
        yield f"is no route of the contract{did_you_mean(ours, known)} (there are: {', '.join(known)})"
        return
    found = _ROUTE.fullmatch(own)
    if found is None:
        yield f"{own!r} is no route: write a method and a path, such as {ours!r}"
        return
    method = ours.partition(" ")[0]
    if found["method"] != method:
        yield f"the method must stay {method}, and {own!r} has {found['method']}"
    wanted, given = sorted(_PLACEHOLDER.findall(ours)), sorted(_PLACEHOLDER.findall(own))
    if wanted != given or len(re.findall(r"[{}]", own)) != 2 * len(given):
        yield f"{own!r} must have {_placeholders(wanted)}, and has {_placeholders(given)}"


def _placeholders(names: Sequence[str]) -> str:
    return " and ".join(f"{{{name}}}" for name in names) or "no placeholder"


def metric_problems(metrics: Mapping[str, str]) -> list[str]:
    """What is wrong with `[metrics]`."""
    problems = []
    for ours, own in metrics.items():
        if ours not in METRICS:
            problems.append(f"metrics.{ours}: is no metric of the lab{did_you_mean(ours, METRICS)}")
        if not _METRIC.fullmatch(own):
            problems.append(f"metrics.{ours}: {own!r} is no name of a metric, such as jobs_waiting")
    names = list(metrics.values())
    problems += [f"metrics: {own!r} is mapped more than once" for own in sorted(set(names)) if names.count(own) > 1]
    return problems


def database_problems(database: str, kinds: Collection[str]) -> list[str]:
    """What is wrong with the database that is to be emptied."""
    if not database:
        return []
    if "mongod" not in kinds:
        return [f"database: there is no service of kind mongod on which {database!r} could be emptied"]
    if database in _OWN_DATABASES:
        return [f"database: {database!r} is MongoDB's own, and it would be emptied; name the application's"]
    return []


def override_problems(overrides: Sequence[str]) -> list[str]:
    """What an option must not decide: it is the file that says where load may go, and what may be emptied."""
    keys = [text.partition("=")[0].strip().partition(".")[0] for text in overrides]
    return [
        f"--target-set {key}: of services that already run, the target file alone says so; write it there"
        for key in keys
        if key in _ONLY_OF_THE_FILE
    ]


def _caught(where: str, check: Callable[[str], object], texts: Iterable[str]) -> list[str]:
    problems = []
    for text in texts:
        try:
            check(text)
        except ConfigError as error:
            problems += [f"{where}: {problem}" for problem in error.problems]
    return problems
