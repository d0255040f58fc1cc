"""From k6's own output to samples.parquet and points.parquet: streaming, in file order, with flat memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from lab.load.k6_lines import GzipLines
from lab.load.k6_points import (
    CHECKS,
    DROPPED,
    DURATION,
    IGNORED,
    KEY,
    METRICS,
    OF_K6,
    START_DELAY,
    TIMES,
    WAITING,
    Tags,
    is_k6s,
    is_passed_check,
    parse_tags,
    take_apart,
)
from lab.load.tables import Table, points_table, samples_table

_SETUP = -1
_NO_REQUEST = (b"", 0.0, b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What `convert` read of `phases`. `truncated` are those whose file ends early (or is empty, damaged or missing).

    `damaged_lines` counts lines that are not as k6 writes them; they are left out.
    """

    requests: int
    points: int
    truncated: tuple[str, ...]
    setup_requests: int
    damaged_lines: int
    phases: tuple[str, ...] = ()


_CONVERSION = TypeAdapter(Conversion)


def read_conversion(path: Path) -> Conversion | None:
    """Give what an earlier `convert` said of itself; None where it has left nothing, or it is damaged."""
    try:
        return _CONVERSION.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def output_of(load: Path, phase: str) -> Path:
    """Give the file that holds k6's output of a phase."""
    return load / f"{phase}.json.gz"


def convert(load: Path, phases: Sequence[str], samples: Path, points: Path) -> Conversion:
    """Turn `<load>/<phase>.json.gz` of each phase into two Parquet files, replacing them in one step each.

    Requests of setup() are counted and left out. Raises LoadError where a file is no gzip or cannot be read.
    """
    with samples_table(samples) as requests, points_table(points) as others:
        converters = [_Converter(phase, requests, others) for phase in phases]
        for converter in converters:
            converter.read(GzipLines(output_of(load, converter.phase)))
    return Conversion(
        requests=requests.written,
        points=others.written,
        truncated=tuple(c.phase for c in converters if c.is_truncated),
        setup_requests=sum(c.setup_requests for c in converters),
        damaged_lines=sum(c.damaged_lines for c in converters) + requests.damaged + others.damaged,
        phases=tuple(phases),
    )


@dataclass(slots=True)
class _Converter:
    """Reads one phase. A request's duration and waiting time stand on two lines, the second some lines below the first.

    `_pending` is the request whose waiting time has not come yet.
    """

    phase: str
    requests: Table
    others: Table
    setup_requests: int = 0
    damaged_lines: int = 0
    is_truncated: bool = False
    _request_kinds: dict[bytes, int] = field(default_factory=dict)
    _other_kinds: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    _pending: tuple[bytes, float, bytes] = _NO_REQUEST
    _scenarios: dict[bytes, str] = field(default_factory=dict)
    _delays: dict[bytes, float] = field(default_factory=dict)
    _dropping: set[str] = field(default_factory=set)

    def read(self, lines: GzipLines) -> None:
        """Read every batch of the file."""
        for batch in lines:
            self._take(batch)
            self.requests.flush_if_full()
            self.others.flush_if_full()
        self.is_truncated = lines.is_truncated

    def _take(self, batch: list[bytes]) -> None:
        # nine in ten lines are dropped here, so this loop calls nothing of its own for them
        for line in batch:
            key = line[KEY]
            if key in IGNORED:
                continue
            metric = METRICS.get(key)
            if metric is not None:
                self._take_point(metric, line)
            elif not is_k6s(line):
                self.damaged_lines += 1

    def _take_point(self, metric: bytes, line: bytes) -> None:
        if metric == CHECKS and is_passed_check(line):
            return
        try:
            time, value, tags, request_id = take_apart(metric, line)
            if metric == DURATION:
                self._pending = time, value, tags
            elif metric == WAITING:
                self._add_request(time, value, tags, request_id)
            else:
                self._add_other(metric, time, value, tags, request_id)
        except ValueError:
            self.damaged_lines += 1

    def _add_request(self, time: bytes, waiting_ms: float, tags: bytes, request_id: bytes | None) -> None:
        request_time, duration_ms, request_tags = self._pending
        self._pending = _NO_REQUEST
        if request_time != time or request_tags != tags:
            raise ValueError("a waiting time without its request")
        kind = self._request_kinds.get(tags)
        if kind is None:
            kind = self._request_kinds[tags] = self._new_request_kind(parse_tags(tags))
        if kind == _SETUP:
            self.setup_requests += 1
        else:
            delay_s = self._delays.pop(request_id, 0.0) if request_id else 0.0
            self.requests.rows.append((kind, time, duration_ms / 1000, waiting_ms / 1000, delay_s, request_id))

    def _add_other(self, metric: bytes, time: bytes, value: float, tags: bytes, request_id: bytes | None) -> None:
        kind = self._other_kinds.get((metric, tags))
        if kind is None:
            kind = self._other_kinds[metric, tags] = self._new_other_kind(metric, parse_tags(tags))
        if kind == _SETUP:
            return
        if metric == START_DELAY and self._scenario(tags) in self._dropping:
            return  # told from the number of the journey, which counts those that began: since a drop it is too high
        if metric == START_DELAY and request_id and value:
            self._delays[request_id] = value / 1000  # for the row of the journey's first request
        elif metric == DROPPED:
            self._dropping.add(self._scenario(tags))
        self.others.rows.append((kind, time, value / 1000 if metric in TIMES else value, request_id))

    def _scenario(self, tags: bytes) -> str:
        if tags not in self._scenarios:
            self._scenarios[tags] = parse_tags(tags).scenario
        return self._scenarios[tags]

    def _new_request_kind(self, tags: Tags) -> int:
        if tags.is_setup:
            return _SETUP
        return self.requests.kind(
            phase=self.phase,
            scenario=tags.scenario,
            route=tags.route,
            method=tags.method,
            status=tags.status,
            error=tags.error,
            extra_poll=tags.is_extra_poll,
        )

    def _new_other_kind(self, metric: bytes, tags: Tags) -> int:
        if tags.is_setup and metric not in OF_K6:
            return _SETUP
        return self.others.kind(phase=self.phase, scenario=tags.scenario, metric=metric.decode(), labels=tags.labels)
