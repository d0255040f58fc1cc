"""Generator: is k6 the bottleneck? Then what it measured is itself, and the run is invalid."""

from dashboards.parts import OF_K6, RATE, PanelBuilder, board, graph, k6_quantile, number, of_k6, q

_OWN = 'service="k6", run=~"$run"'


def build() -> str:
    """Give the dashboard as JSON."""
    return board(
        "lab-generator",
        "Generator",
        "Is k6 the bottleneck? Then what it measured is itself, and the run is invalid.",
        (("Is it the bottleneck?", (*_bottleneck(), *_room())), ("What it does", _work())),
    )


def _bottleneck() -> tuple[PanelBuilder, ...]:
    return (
        number(
            "How many journeys never began?",
            "Iterations per second that k6 dropped, since no virtual user was free: load that was not offered.",
            "ops",
            of_k6(
                f"sum(rate(k6_dropped_iterations_total{{{OF_K6}}}[{RATE}])) "
                f"or 0 * sum(rate(k6_iterations_total{{{OF_K6}}}[{RATE}]))",
                "dropped",
            ),
        ),
        number(
            "How many cores does it use?",
            "CPU seconds per second of k6; more than half of the machine invalidates a run.",
            "none",
            q(f"sum by (run) (rate(lab_process_cpu_seconds_total{{{_OWN}}}[{RATE}]))", "cores"),
            decimals=2,
        ),
        graph(
            "Is the load offered that was planned?",
            "Journeys begun, as HTTP requests per second at the nominal requests per journey: planned against achieved.",
            "reqps",
            q('max by (run) (lab_planned_requests_per_second{run=~"$run", drive=~"$phase"})', "planned"),
            q('max by (run) (lab_achieved_requests_per_second{run=~"$run", drive=~"$phase"})', "achieved"),
            width=16,
        ),
    )


def _room() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "Do journeys begin when they are due?",
            "How late one journey in a hundred begins. A delay hides latency from whoever measures from the real start.",
            "s",
            of_k6(k6_quantile(0.99, "start_delay_seconds", "scenario"), "P99 {{scenario}}"),
        ),
        graph(
            "Are virtual users left?",
            "Virtual users at work against those that k6 has made; at the ceiling journeys are dropped.",
            "none",
            of_k6('max by (testid) (k6_vus{testid=~"$run", phase=~"$phase"})', "at work"),
            of_k6('max by (testid) (k6_vus_max{testid=~"$run", phase=~"$phase"})', "made"),
        ),
    )


def _work() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "How many journeys end?",
            "Iterations per second by scenario.",
            "ops",
            of_k6(f"sum by (scenario) (rate(k6_iterations_total{{{OF_K6}}}[{RATE}]))", "{{scenario}}"),
            stacked=True,
        ),
        graph(
            "How do journeys end?",
            "Journeys per second by outcome.",
            "ops",
            of_k6(f"sum by (outcome) (rate(k6_journeys_total{{{OF_K6}}}[{RATE}]))", "{{outcome}}"),
            stacked=True,
        ),
        graph(
            "How long does a journey last?",
            "P95 of iteration_duration by scenario: waits between polls included.",
            "s",
            of_k6(k6_quantile(0.95, "iteration_duration_seconds", "scenario"), "{{scenario}}"),
        ),
        graph(
            "Does its memory grow?",
            "Resident memory of k6, and of the lab that drives it.",
            "bytes",
            q(
                'max by (run, service) (lab_process_resident_memory_bytes{service=~"k6|lab", run=~"$run"})',
                "{{service}}",
            ),
        ),
    )
