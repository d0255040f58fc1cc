"""Run overview: whether the system holds what the plan asks for, and when it did not."""

from dashboards.parts import OF_K6, RATE, PanelBuilder, board, graph, heat, k6_quantile, limit, number, of_k6, q, states

_REQUESTS = f"k6_http_reqs_total{{{OF_K6}}}"
_FAILED = f'k6_http_reqs_total{{{OF_K6}, status=~"0|[45].."}}'
# a run without an error has no series of one, and its rate is 0 all the same
_FAILED_PER_S = f"(sum by (scenario) (rate({_FAILED}[{RATE}])) or 0 * sum by (scenario) (rate({_REQUESTS}[{RATE}])))"
_OF_RUN = 'run=~"$run", drive=~"$phase"'


def build() -> str:
    """Give the dashboard as JSON."""
    return board(
        "lab-run-overview",
        "Run overview",
        "Does the system hold what the plan asks for, and when did it not? Phases are annotated.",
        (
            ("Now", (*_now(), *_state())),
            ("Load", _load()),
            ("Latency", _latency()),
            ("Errors and results", _results()),
        ),
    )


def _now() -> tuple[PanelBuilder, ...]:
    return (
        number(
            "How many requests are answered?",
            "HTTP requests per second that k6 made over the last seconds, of every scenario.",
            "reqps",
            of_k6(f"sum(rate({_REQUESTS}[{RATE}]))", "requests"),
        ),
        number(
            "How slow is one in twenty?",
            "P95 of http_req_duration as k6 measures it, over the last seconds.",
            "s",
            of_k6(k6_quantile(0.95, "http_req_duration_seconds", "testid"), "P95"),
            decimals=3,
        ),
        number(
            "How slow is one in a hundred?",
            "P99 of http_req_duration as k6 measures it, over the last seconds.",
            "s",
            of_k6(k6_quantile(0.99, "http_req_duration_seconds", "testid"), "P99"),
            decimals=3,
        ),
        number(
            "How many requests fail?",
            "Share of requests that were answered by 4xx or 5xx, or not at all.",
            "percentunit",
            of_k6(f"sum({_FAILED_PER_S}) / sum(rate({_REQUESTS}[{RATE}]))", "failed"),
            decimals=2,
        ),
    )


def _state() -> tuple[PanelBuilder, ...]:
    return (
        number(
            "How much waits in the system?",
            "Analyses that wait in the backend and in ai_core; what has been accepted and not yet been begun.",
            "none",
            q('sum by (run) ({__name__=~"analyze_queue_depth|ai_core_queue_depth", run=~"$run"})', "waiting"),
            decimals=0,
        ),
        number(
            "How busy is the machine?",
            "Share of all cores that is busy, whoever uses them; the generator shares them with the system.",
            "percentunit",
            q('host_cpu_ratio{run=~"$run"}', "busy"),
            decimals=0,
        ),
    )


def _load() -> tuple[PanelBuilder, ...]:
    return (
        states(
            "Which phase is driven when?",
            "Phases of the plan, and the steps of a stress phase, as the lab drives them.",
            q(f"max by (run, drive) (lab_phase{{{_OF_RUN}}})", "{{drive}}"),
        ),
        graph(
            "Is the load offered that was planned?",
            "Journeys begun, as HTTP requests per second at the nominal requests per journey: planned against achieved. "
            "A slow system draws more polls, which do not count here.",
            "reqps",
            q(f"max by (run) (lab_planned_requests_per_second{{{_OF_RUN}}})", "planned"),
            q(f"max by (run) (lab_achieved_requests_per_second{{{_OF_RUN}}})", "achieved"),
        ),
        graph(
            "What are the requests?",
            "HTTP requests per second by route, as k6 made them.",
            "reqps",
            of_k6(f"sum by (name) (rate({_REQUESTS}[{RATE}]))", "{{name}}"),
            stacked=True,
        ),
    )


def _latency() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "How long do requests take, seen by the client?",
            "Percentiles of http_req_duration as k6 measures it; dashed: what the plan allows.",
            "s",
            of_k6(k6_quantile(0.5, "http_req_duration_seconds", "testid"), "P50"),
            of_k6(k6_quantile(0.95, "http_req_duration_seconds", "testid"), "P95"),
            of_k6(k6_quantile(0.99, "http_req_duration_seconds", "testid"), "P99"),
            limit("p50", "http_req_duration"),
            limit("p95", "http_req_duration"),
            limit("p99", "http_req_duration"),
            logarithmic=True,
        ),
        graph(
            "Which route is slow?",
            "P95 of http_req_duration by route.",
            "s",
            of_k6(k6_quantile(0.95, "http_req_duration_seconds", "name"), "{{name}}"),
            logarithmic=True,
        ),
        heat(
            "Where do the durations lie?",
            "Requests per second by how long the backend took for them: two bands are two kinds of requests, or a queue.",
            "s",
            q(
                'sum by (run, le) (rate(http_request_duration_seconds_bucket{service="backend", run=~"$run"}[$__rate_interval]))',
                "{{le}}",
            ),
        ),
        graph(
            "How long from an upload to its report?",
            "P95 of upload_to_report and of analysis_duration (POST /analyze to the finished report), by scenario.",
            "s",
            of_k6(k6_quantile(0.95, "upload_to_report_seconds", "scenario"), "upload to report, {{scenario}}"),
            of_k6(k6_quantile(0.95, "analysis_duration_seconds", "scenario"), "analysis, {{scenario}}"),
        ),
    )


def _results() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "When do requests fail?",
            "Share of requests that were answered by 4xx or 5xx, or not at all; dashed: what the plan allows.",
            "percentunit",
            of_k6(
                f"sum by (scenario) ({_FAILED_PER_S}) / sum by (scenario) (rate({_REQUESTS}[{RATE}]))", "{{scenario}}"
            ),
            limit("rate", "http_req_failed"),
        ),
        graph(
            "How do analyses end?",
            "Analyses per second by outcome: done, failed, rejected or timeout. One that was accepted can still fail.",
            "ops",
            of_k6(f"sum by (outcome) (rate(k6_analyses_total{{{OF_K6}}}[{RATE}]))", "{{outcome}}"),
            stacked=True,
        ),
    )
