"""MongoDB: how fast it answers, what queues up in it, and whether it reads more than it gives."""

from dashboards.parts import RATE, PanelBuilder, board, graph, number, q

_RUN = 'run=~"$run"'


def _rate(metric: str, by: str = "") -> str:
    return f"sum by (run{by}) (rate({metric}{{{_RUN}}}[{RATE}]))"


def build() -> str:
    """Give the dashboard as JSON."""
    return board(
        "lab-mongodb",
        "MongoDB",
        "How fast does it answer, what queues up in it, and does it read more than it gives?",
        (("Now", _now()), ("Operations", _operations()), ("Saturation", _saturation()), ("Storage", _storage())),
    )


def _now() -> tuple[PanelBuilder, ...]:
    return (
        number(
            "Does it answer?", "1 while it answers serverStatus.", "none", q(f"mongodb_up{{{_RUN}}}", "up"), decimals=0
        ),
        number(
            "How many operations?",
            "Operations per second of every type, those of the lab (one serverStatus a second) among them.",
            "ops",
            q(_rate("mongodb_operations_total"), "operations"),
        ),
        number(
            "How many were slow?",
            "Operations that its profiler has written down since the run began; `lab logs --slow` shows them.",
            "none",
            q(f"mongodb_slow_operations_total{{{_RUN}}}", "slow"),
            decimals=0,
        ),
        number(
            "How many scanned a whole collection?",
            "Plans that read every document, per second: an index is missing, or the collection is tiny.",
            "ops",
            q(_rate("mongodb_collection_scans_total"), "scans"),
        ),
    )


def _operations() -> tuple[PanelBuilder, ...]:
    latency = f"{_rate('mongodb_op_latency_seconds_total', ', type')} / ({_rate('mongodb_op_latency_operations_total', ', type')} > 0)"
    return (
        graph(
            "What is asked of it?",
            "Operations per second by type.",
            "ops",
            q(_rate("mongodb_operations_total", ", type"), "{{type}}"),
            stacked=True,
        ),
        graph("How long do they take?", "Mean time in the server by kind of operation.", "s", q(latency, "{{type}}")),
        graph(
            "Does it read more than it gives?",
            "Documents and index keys scanned, against documents returned, per second. Far apart: an index is missing.",
            "ops",
            q(_rate("mongodb_scanned_total", ", kind"), "{{kind}} scanned"),
            q(f'sum by (run) (rate(mongodb_documents_total{{{_RUN}, type="returned"}}[{RATE}]))', "documents returned"),
        ),
        graph(
            "What happens to documents?",
            "Documents per second by what was done to them.",
            "ops",
            q(_rate("mongodb_documents_total", ", type"), "{{type}}"),
        ),
    )


def _saturation() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "Do operations queue up?",
            "Operations that wait for a lock, by what they want.",
            "none",
            q(f"mongodb_queue{{{_RUN}}}", "{{type}} waiting"),
            q(f"mongodb_active_clients{{{_RUN}}}", "{{type}} at work"),
        ),
        graph(
            "How many connections are open?",
            "Connections by state; active ones have an operation in progress.",
            "none",
            q(f'mongodb_connections{{{_RUN}, state!="available"}}', "{{state}}"),
        ),
        graph(
            "Do connections hold?",
            "Connections created per second: a client whose pool is at peace creates none.",
            "ops",
            q(_rate("mongodb_connections_created_total"), "created"),
        ),
        graph(
            "Are tickets left?",
            "Operations that the storage engine may still take in; at 0 they queue up.",
            "none",
            q(f'mongodb_tickets{{{_RUN}, state="available"}}', "{{kind}} available"),
        ),
    )


def _storage() -> tuple[PanelBuilder, ...]:
    misses = f'rate(mongodb_cache_pages_total{{{_RUN}, kind="read"}}[{RATE}])'
    requested = f'rate(mongodb_cache_pages_total{{{_RUN}, kind="requested"}}[{RATE}])'
    return (
        graph(
            "Is the cache full?",
            "Bytes in WiredTiger's cache, and those not yet written to disk, against its size.",
            "bytes",
            q(f"mongodb_cache_bytes{{{_RUN}}}", "{{kind}}"),
        ),
        graph(
            "How many pages come from disk?",
            "Share of the pages asked for that were not in the cache.",
            "percentunit",
            q(f"sum by (run) ({misses}) / (sum by (run) ({requested}) > 0)", "missed"),
        ),
        graph(
            "What goes over the network?",
            "Bytes per second from and to clients.",
            "Bps",
            q(_rate("mongodb_network_bytes_total", ", direction"), "{{direction}}"),
        ),
        graph(
            "Does its memory grow?",
            "Resident memory, as MongoDB says and as the lab sees it from outside.",
            "bytes",
            q(f"mongodb_resident_memory_bytes{{{_RUN}}}", "as it says"),
            q(f'max by (run) (lab_process_resident_memory_bytes{{service="mongo", {_RUN}}})', "as the lab sees"),
        ),
    )
