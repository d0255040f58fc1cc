"""Backend: which of its routes is slow or fails, and what it waits for."""

from dashboards.parts import RATE, PanelBuilder, board, graph, heat, q

_HTTP = 'service="backend", run=~"$run"'
_BY_ROUTE = "by (run, method, route)"
_TOTAL = f"sum {_BY_ROUTE} (rate(http_requests_total{{{_HTTP}}}[{RATE}]))"
_FAILED = f'sum {_BY_ROUTE} (rate(http_requests_total{{{_HTTP}, status=~"[45].."}}[{RATE}]))'


def _quantile(quantile: float, by: str) -> str:
    return f"histogram_quantile({quantile}, sum by (run, le{by}) (rate(http_request_duration_seconds_bucket{{{_HTTP}}}[{RATE}])))"


def build() -> str:
    """Give the dashboard as JSON."""
    return board(
        "lab-backend",
        "Backend",
        "Which of its routes is slow or fails, and what does it wait for?",
        (
            ("Requests", (*_requests(), *_latency())),
            ("Analyses", _analyses()),
            ("Connections to MongoDB", _pool()),
            ("Process", _process()),
        ),
    )


def _requests() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "What is asked?",
            "Requests answered per second, by route.",
            "reqps",
            q(_TOTAL, "{{method}} {{route}}"),
            stacked=True,
        ),
        graph(
            "What fails?",
            "Share of a route's requests that are answered by 4xx or 5xx.",
            "percentunit",
            q(f"({_FAILED} or 0 * {_TOTAL}) / ({_TOTAL} > 0)", "{{method}} {{route}}"),
        ),
    )


def _latency() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "How long does the backend take?",
            "Percentiles of all its answers, from a request's arrival to the answer's end.",
            "s",
            q(_quantile(0.5, ""), "P50"),
            q(_quantile(0.95, ""), "P95"),
            q(_quantile(0.99, ""), "P99"),
            logarithmic=True,
        ),
        graph(
            "Which route is slow?",
            "P95 by route.",
            "s",
            q(_quantile(0.95, ", method, route"), "{{method}} {{route}}"),
            logarithmic=True,
        ),
        heat(
            "Where do the durations lie?",
            "Answers per second by how long they took.",
            "s",
            q(f"sum by (run, le) (rate(http_request_duration_seconds_bucket{{{_HTTP}}}[{RATE}]))", "{{le}}"),
        ),
        graph(
            "How many are being answered?",
            "Requests in flight: by Little's law the rate times the mean duration.",
            "none",
            q(f"http_requests_in_flight{{{_HTTP}}}", "in flight"),
        ),
    )


def _analyses() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "How do analyses end?",
            "Analyses per second by outcome; rejected: the queue was full.",
            "ops",
            q(f"sum by (run, outcome) (rate(analyses_total{{{_HTTP}}}[{RATE}]))", "{{outcome}}"),
            stacked=True,
        ),
        graph(
            "Do analyses queue up?",
            "Analyses that wait to be sent to ai_core.",
            "none",
            q(f"analyze_queue_depth{{{_HTTP}}}", "waiting in the backend"),
        ),
    )


def _pool() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "Is the pool of connections exhausted?",
            "Connections by state; waiting is what waits for one.",
            "none",
            q(f"sum by (run, state) (mongodb_pool_connections{{{_HTTP}}})", "{{state}}"),
        ),
        graph(
            "How long is waited for a connection?",
            "P95 of the time until an operation had its connection.",
            "s",
            q(
                f"histogram_quantile(0.95, sum by (run, le) (rate(mongodb_pool_wait_seconds_bucket{{{_HTTP}}}[{RATE}])))",
                "P95",
            ),
        ),
        graph(
            "Which command is slow?",
            "P95 of commands, from sending to the answer, by command and collection.",
            "s",
            q(
                "histogram_quantile(0.95, sum by (run, le, command, collection) "
                f"(rate(mongodb_command_duration_seconds_bucket{{{_HTTP}}}[{RATE}])))",
                "{{command}} {{collection}}",
            ),
        ),
        graph(
            "Do connections hold?",
            "Connections opened and closed per second: a pool that is at peace does neither.",
            "ops",
            q(f"sum by (run) (rate(mongodb_pool_opened_total{{{_HTTP}}}[{RATE}]))", "opened"),
            q(f"sum by (run) (rate(mongodb_pool_closed_total{{{_HTTP}}}[{RATE}]))", "closed"),
        ),
    )


def _process() -> tuple[PanelBuilder, ...]:
    own = 'service="backend", run=~"$run"'
    return (
        graph(
            "How many cores does it use?",
            "CPU seconds per second of all its processes, as the lab sees them from outside. One event loop fills one core.",
            "none",
            q(f"sum by (run) (rate(lab_process_cpu_seconds_total{{{own}}}[{RATE}]))", "cores"),
        ),
        graph(
            "Does its memory grow?",
            "Resident memory, and what of it is shared with nobody.",
            "bytes",
            q(f"max by (run) (lab_process_resident_memory_bytes{{{own}}})", "resident"),
            q(f"max by (run) (lab_process_unique_memory_bytes{{{own}}})", "its own"),
        ),
    )
