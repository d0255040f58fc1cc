"""ai_core: how long an analysis takes, on which part, and whether it waits for a worker."""

from dashboards.parts import RATE, PanelBuilder, board, graph, heat, k6_quantile, limit, of_k6, q

_OWN = 'service="ai_core", run=~"$run"'


def _quantile(quantile: float, by: str, more: str) -> str:
    rate = f"rate(ai_core_analyze_seconds_bucket{{{_OWN}, {more}}}[{RATE}])"
    return f"histogram_quantile({quantile}, sum by (run, le, {by}) ({rate}))"


def _count(part: str) -> str:
    return f'sum by (run) (rate(ai_core_analyze_seconds_count{{{_OWN}, phase="{part}"}}[{RATE}]))'


def build() -> str:
    """Give the dashboard as JSON."""
    return board(
        "lab-ai-core",
        "ai_core",
        "How long does an analysis take, on which part, and does it wait for a worker?",
        (("Analyses", (*_analyses(), *_distribution())), ("Queue and errors", _queue()), ("Process", _process())),
    )


def _analyses() -> tuple[PanelBuilder, ...]:
    seconds = f"rate(ai_core_analyze_seconds_sum{{{_OWN}}}[{RATE}])"
    return (
        graph(
            "How many analyses are made?",
            "Analyses per second by explainer: `tree` is shap.TreeExplainer, `kernel` the slow model-agnostic path.",
            "ops",
            q(
                f'sum by (run, explainer) (rate(ai_core_analyze_seconds_count{{{_OWN}, phase="total"}}[{RATE}]))',
                "{{explainer}}",
            ),
            stacked=True,
        ),
        graph(
            "How long does an analysis take?",
            "Percentiles of the whole, the wait for a worker included, by explainer.",
            "s",
            q(_quantile(0.5, "explainer", 'phase="total"'), "P50 {{explainer}}"),
            q(_quantile(0.95, "explainer", 'phase="total"'), "P95 {{explainer}}"),
            limit("p95", "ai_core_analyze", more=', of_part="total"'),
            logarithmic=True,
        ),
        graph(
            "Which part takes the time?",
            "Mean seconds per analysis of each part; what is left of the total is the wait for a worker.",
            "s",
            q(f"sum by (run, phase) ({seconds}) / on (run) group_left {_count('total')}", "{{phase}}"),
        ),
        graph(
            "How long does the explanation take?",
            "P95 of the part explain; the target of the tree explainer is 800 ms.",
            "s",
            q(_quantile(0.95, "explainer", 'phase="explain"'), "P95 {{explainer}}"),
            limit("p95", "ai_core_analyze", more=', of_part="explain"'),
            logarithmic=True,
        ),
    )


def _distribution() -> tuple[PanelBuilder, ...]:
    return (
        heat(
            "Where do the durations lie?",
            "Analyses per second by how long the whole took.",
            "s",
            q(f'sum by (run, le) (rate(ai_core_analyze_seconds_bucket{{{_OWN}, phase="total"}}[{RATE}]))', "{{le}}"),
        ),
        graph(
            "What does the client see of it?",
            "P95 of the seconds that finished reports tell, by part, as k6 reads them.",
            "s",
            of_k6(k6_quantile(0.95, "ai_core_analyze_seconds", "part"), "{{part}}"),
            logarithmic=True,
        ),
        graph(
            "How many are answered from memory?",
            "Share of analyses that took no fitting: the same dataset was analysed before.",
            "percentunit",
            q(f"1 - {_count('fit')} / ({_count('total')} > 0)", "remembered"),
            highest=1,
        ),
    )


def _queue() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "Do analyses wait for a worker?",
            "Analyses that wait in ai_core; when its queue is full it answers 503.",
            "none",
            q(f"ai_core_queue_depth{{{_OWN}}}", "waiting"),
        ),
        graph(
            "What goes wrong?",
            "Analyses per second that were refused or failed, by kind.",
            "ops",
            q(f"sum by (run, kind) (rate(ai_core_errors_total{{{_OWN}}}[{RATE}]))", "{{kind}}"),
            stacked=True,
        ),
    )


def _process() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "How many cores does it use?",
            "CPU seconds per second of ai_core and its workers, as the lab sees them from outside.",
            "none",
            q(f"sum by (run) (rate(lab_process_cpu_seconds_total{{{_OWN}}}[{RATE}]))", "cores"),
        ),
        graph(
            "Does its memory grow?",
            "Resident memory of ai_core and its workers, and what of it is shared with nobody.",
            "bytes",
            q(f"max by (run) (lab_process_resident_memory_bytes{{{_OWN}}})", "resident"),
            q(f"max by (run) (lab_process_unique_memory_bytes{{{_OWN}}})", "its own"),
        ),
    )
