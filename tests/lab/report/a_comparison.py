"""Comparisons of every judgement, as the analysis gives them."""

from dataclasses import replace
from typing import Any

from lab.model import Cell, Compared, Comparison, Estimate, Judgement, Measure, Scale, Side

P95 = Measure(name="p95(http_req_duration)", unit="s", scale=Scale.RATIO, effect=0.05, start_spread=0.02)
RATE = Measure(
    name="throughput", unit="requests/s", scale=Scale.RATIO, effect=0.05, start_spread=0.01, higher_is_worse=False
)
FAILED = Measure(name="rate(http_req_failed)", unit="", scale=Scale.DIFFERENCE, effect=0.01, start_spread=0.001)
GROWTH = Measure(name="rss_growth", unit="bytes/h", scale=Scale.DIFFERENCE, effect=20e6, start_spread=4e6)
CPU = Measure(name="cpu_per_request", unit="s", scale=Scale.RATIO, effect=0.05, start_spread=0.02)

REGRESSED, IMPROVED, UNCHANGED, CANNOT_TELL = (
    Judgement.REGRESSED,
    Judgement.IMPROVED,
    Judgement.UNCHANGED,
    Judgement.CANNOT_TELL,
)


def a_figure(
    change: float = 0.0,
    width: float = 0.03,
    judgement: Judgement = UNCHANGED,
    *,
    measure: Measure = P95,
    base: float = 0.120,
    **more: Any,
) -> Compared:
    """A figure whose interval reaches as far to both sides."""
    candidate = base * (1 + change) if measure.scale == Scale.RATIO else base + change
    figure = Compared(
        measure=measure,
        cell=Cell(phase="steady"),
        base=base,
        candidate=candidate,
        change=Estimate(value=change, low=change - width, high=change + width),
        p_value=0.5,
        detectable=width * 2,
        judgement=judgement,
        pairs_wanted=None,
    )
    return replace(figure, **more)


def a_comparison(*figures: Compared, **more: Any) -> Comparison:
    """A comparison of four pairs; its one headline is unchanged where no figures are given."""
    comparison = Comparison(
        base=Side(name="base", told="v1.2 (0123456)", runs=tuple(f"2026010{n}T120000Z-mixed-ab" for n in range(1, 5))),
        candidate=Side(
            name="candidate", told="HEAD (89abcde)", runs=tuple(f"2026010{n}T120100Z-mixed-ab" for n in range(1, 5))
        ),
        pairs=4,
        confidence=0.99,
        look_for=0.1,
        figures=figures or (a_figure(is_headline=True),),
    )
    return replace(comparison, **more)


def regressed() -> Comparison:
    """One route got slower, which a headline shows too; others of every kind are beside it."""
    route = Cell(phase="steady", scenario="report_retrieval", route="GET /reports/{id}")
    return a_comparison(
        a_figure(0.21, 0.08, REGRESSED, is_headline=True, p_value=1e-6),
        a_figure(0.004, 0.02, measure=RATE, base=40.0, is_headline=True),
        a_figure(0.0, 0.0, measure=FAILED, base=0.0, is_headline=True, detectable=0.001),
        a_figure(0.35, 0.09, REGRESSED, cell=route, p_value=1e-9),
        a_figure(-0.11, 0.04, IMPROVED, measure=CPU, base=0.0042, cell=Cell(phase="steady", service="ai_core")),
        a_figure(0.08, 0.2, CANNOT_TELL, measure=CPU, base=0.0011, cell=Cell(phase="steady", service="mongo")),
        a_figure(3e6, 9e6, measure=GROWTH, base=12e6, cell=Cell(phase="steady", service="backend")),
        under_test=("code: v1.2 against HEAD",),
        notes=("ai_core of one run was restarted | <b>not</b> counted",),
    )


def improved() -> Comparison:
    return a_comparison(a_figure(-0.3, 0.05, IMPROVED, is_headline=True), a_figure(0.0, 0.01, measure=RATE, base=40.0))


def unchanged() -> Comparison:
    return a_comparison(
        a_figure(is_headline=True),
        a_figure(0.1, 0.3, CANNOT_TELL, cell=Cell(phase="steady", scenario="mixed"), pairs_wanted=31),
    )


def cannot_tell() -> Comparison:
    return a_comparison(
        a_figure(0.04, 0.22, CANNOT_TELL, is_headline=True, pairs_wanted=24),
        a_figure(0.01, 0.02, measure=RATE, base=40.0, is_headline=True, pairs_wanted=4),
    )


def forced() -> Comparison:
    return replace(
        regressed(), differs=("seed: 14 against 15", "machine: <img src=x> *2* cores against 4 cores"), pairs=0
    )


def one_cell() -> Comparison:
    """One run of each side, one figure, and nothing that says how sure it is."""
    figure = a_figure(0.02, 0.0, CANNOT_TELL, is_headline=True, detectable=None)
    unknown = Estimate(value=0.02, low=-1.0, high=float("inf"))
    found = a_comparison(replace(figure, change=unknown), pairs=0)
    return replace(
        found, **{side: replace(getattr(found, side), runs=("one",), told="") for side in ("base", "candidate")}
    )


def constant() -> Comparison:
    """Values that never vary: intervals without a width."""
    return a_comparison(
        a_figure(0.0, 0.0, is_headline=True, detectable=0.0),
        a_figure(0.0, 0.0, measure=FAILED, base=0.0, is_headline=True, detectable=0.0),
    )


def hundreds() -> Comparison:
    """As many figures as a long plan with many routes has."""
    judgements = (UNCHANGED, UNCHANGED, UNCHANGED, CANNOT_TELL, REGRESSED, IMPROVED)
    figures = tuple(
        a_figure(
            (number % 40 - 20) / 100,
            judgement=judgements[number % len(judgements)],
            cell=Cell(
                phase=f"phase-{number % 5}", scenario="mixed", route=f"GET /a/rather/long/route/{{number}}/{number}"
            ),
            is_headline=number < 12,
            pairs_wanted=number,
        )
        for number in range(800)
    )
    return a_comparison(*figures)


def nothing() -> Comparison:
    """No figure that both sides have."""
    return replace(a_comparison(), figures=(), notes=("no phase was driven in both",))


COMPARISONS = {
    "regressed": regressed,
    "improved": improved,
    "unchanged": unchanged,
    "cannot-tell": cannot_tell,
    "forced": forced,
    "one-cell": one_cell,
    "constant": constant,
    "nothing": nothing,
}
"""Those that golden files are kept of."""
