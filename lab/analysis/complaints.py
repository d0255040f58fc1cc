"""Complaints of log lines, alike ones together: Drain (He et al., ICWS 2017) finds what they have in common."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig

from lab.model import Complaint

_MASKS = (
    (r"(?<![\w.])[\w.+-]+@[\w-]+\.[\w.-]+", "EMAIL"),
    (r"(?<![0-9A-Za-z])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9A-Za-z])", "ID"),
    (r"(?<![0-9A-Za-z])(?=[0-9a-f]*\d)[0-9a-f]{12,}(?![0-9A-Za-z])", "ID"),
    (r"(?<![0-9A-Za-z])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![0-9A-Za-z])", "ADDRESS"),
    (r"(?<![0-9A-Za-z])0x[0-9a-fA-F]+(?![0-9A-Za-z])", "ADDRESS"),
    (r"(?<![0-9A-Za-z])[+-]?\d+(?:\.\d+)?(?=(?:ms|s|MB|KB|B|%)?(?![0-9A-Za-z]))", "NUMBER"),
)

_Kind = tuple[str, int | None]


@dataclass(slots=True)
class _Cluster:
    count: int
    first_at: float | None
    first: str
    request_id: str | None


def complaints_of(index: Path | None) -> tuple[Complaint, ...]:
    """Give the complaints of a whole run; none where it has no index of its log lines."""
    if index is None or not index.exists():
        return ()
    return complaints(pq.read_table(index, filters=pc.field("complaint").is_valid()))


def complaints(index: pa.Table) -> tuple[Complaint, ...]:
    """Give the complaints in rows of a run's log index (see docs/run-directory.md), the most frequent ones first."""
    rows = index.filter(pc.is_valid(index["complaint"])).sort_by([("time", "ascending")])
    miners: dict[_Kind, TemplateMiner] = {}
    clusters: dict[tuple[_Kind, int], _Cluster] = {}
    columns = [rows[name].to_pylist() for name in ("service", "status", "complaint", "request_id")]
    times = rows["time"].cast(pa.int64()).to_pylist()
    for service, status, text, request, microseconds in zip(*columns, times, strict=True):
        kind = service, status  # a status tells complaints apart, and is no number like others
        if kind not in miners:
            miners[kind] = _miner()
        found = miners[kind].add_log_message(_in_one_line(text))["cluster_id"]
        at = None if microseconds is None else microseconds / 1e6
        cluster = clusters.setdefault((kind, found), _Cluster(0, at, text, request))
        cluster.count += 1
        cluster.request_id = cluster.request_id or request
    templates = {kind: {c.cluster_id: c.get_template() for c in miner.drain.clusters} for kind, miner in miners.items()}
    told = [_complaint(kind, templates[kind][number], cluster) for (kind, number), cluster in clusters.items()]
    return tuple(sorted(told, key=lambda each: (-each.count, each.service, each.template, each.status or 0)))


def _complaint(kind: _Kind, template: str, cluster: _Cluster) -> Complaint:
    return Complaint(
        service=kind[0],
        status=kind[1],
        template=template,
        count=cluster.count,
        first_at=cluster.first_at,
        first=cluster.first,
        request_id=cluster.request_id,
    )


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _miner() -> TemplateMiner:
    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(pattern, name) for pattern, name in _MASKS]
    config.profiling_enabled = False
    return TemplateMiner(config=config)
