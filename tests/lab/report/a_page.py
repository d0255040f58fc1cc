"""A page with a chart, a table and a chapter of every kind, from the files of a run that never was."""

from dataclasses import replace
from pathlib import Path

from lab.analysis import analyse
from lab.analysis.curves import curves_of
from lab.analysis.verdict import judge
from lab.model import (
    Doubt,
    DoubtKind,
    Flame,
    FlameBox,
    FrameKind,
    LeakOutcome,
    Phase,
    PhaseKind,
    Profile,
    ProfileKind,
    Report,
    RunState,
    SlowRequest,
    Window,
)
from lab.report.flamegraph import flamegraph
from lab.report.html import Document, FlameFile, LogText, Page, scalability
from tests.lab.analysis.a_run import START, ARun
from tests.lab.report.a_law import a_law
from tests.lab.report.every_answer import with_every_answer

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>\u2028&amp;"
"""What a service may write into a log, and must never run."""

DOUBT = Doubt(
    kind=DoubtKind.OTHER_PROCESSES,
    what="something else used the machine",
    why="0.80 cores were used by neither the system nor the lab",
    remedy="end what else runs on the machine",
    phase="sustain",
    started_at=START + 10,
    ended_at=START + 20,
)
_PHASES = (
    ("ramp", PhaseKind.RAMP, 0, 5),
    ("sustain", PhaseKind.SUSTAIN, 0, 60),
    ("spike", PhaseKind.SPIKE, 60, 150),
    ("stress", PhaseKind.STRESS, 150, 200),
    ("soak", PhaseKind.SOAK, 200, 300),
)


def a_page(
    folder: Path, *, hostile: bool = False, thresholds: tuple[str, ...] = ("p95(http_req_duration) < 1s",)
) -> Page:
    """Give a page; a hostile one has markup in everything that comes from a service."""
    words = HOSTILE if hostile else "an <ordinary> & innocent line"
    run = ARun(folder, seconds=300, thresholds=thresholds, incidents=(_doubt(words),))
    run.samples += [run.request(second + 0.6, scenario="upload_analyze", took_s=0.2) for second in range(200)]
    run.samples += [run.request(17, status=503, took_s=1.5, route=words if hostile else "POST /analyze")]
    run.processes += [row for second in range(300) for row in run.process(second, _service(words, hostile=hostile))]
    run.scrape += [run.reading(second, "analyze_queue_depth", second % 7, "service=backend") for second in range(300)]
    evidence = run.evidence()
    curves = curves_of(evidence)
    analysis = analyse(evidence)
    report = with_every_answer(
        Report(
            run_id="20231114T221320Z-auth_dashboard-tiny",
            scenario=evidence.scenario,
            plan=run.plan,
            target="stubs",
            seed=14,
            state=RunState.FINISHED,
            started_at=START - 2,
            ended_at=START + 304,
            provenance={"host": {"cores": 2, "cpu_model": words}},
            analysis=analysis,
            verdict=judge(analysis, run.plan),
        )
    )
    report = replace(report, analysis=replace(report.analysis, windows=_windows(), slowest=_slowest(words)))
    return Page(
        report=_with_phases(report),
        curves=replace(curves, close_ups=(("spike", curves.whole),)),
        trails={
            "r-17": tuple(LogText(time=START + 17, service="backend", level="error", text=words) for _ in range(2))
        },
        flames=(_flame(words),),
        documents=(
            Document(anchor="playbooks", title="Playbooks", file="playbooks.md", text=_document(words)),
            _with_a_law(Document(anchor="capacity", title="Capacity plan", file="capacity_plan.md", text="# Enough\n")),
        ),
    )


def _with_a_law(document: Document) -> Document:
    law = a_law()
    charts = scalability.charts_of(law, document.anchor)
    return replace(document, charts=charts, data={"scalability": scalability.data_of(law)})


def _doubt(words: str) -> Doubt:
    return replace(DOUBT, why=f"{DOUBT.why}: {words}")


def _service(words: str, *, hostile: bool) -> str:
    return words.replace(",", "").replace("=", "-") if hostile else "mongo"


def _windows() -> tuple[Window, ...]:
    return tuple(
        Window(
            phase=name,
            kind=kind,
            step=0,
            started_at=START + begin,
            ended_at=START + end,
            planned_rate_per_s=2.0,
            achieved_rate_per_s=2.0,
            k6_exit_code=0,
        )
        for name, kind, begin, end in _PHASES
    )


def _with_phases(report: Report) -> Report:
    known = {phase.name for phase in report.plan.phases}
    more = tuple(
        Phase(name=name, kind=kind, rate_per_s=2, duration_s=end - begin)
        for name, kind, begin, end in _PHASES
        if name not in known
    )
    leaks = tuple(replace(leak, outcome=LeakOutcome(leak.outcome)) for leak in report.analysis.leaks)
    return replace(
        report,
        plan=replace(report.plan, phases=(*report.plan.phases, *more)),
        analysis=replace(report.analysis, leaks=leaks),
    )


def _slowest(words: str) -> tuple[SlowRequest, ...]:
    return (
        SlowRequest(
            phase="sustain",
            scenario="upload_analyze",
            route="POST /analyze",
            status=503,
            started_at=START + 17,
            duration_s=1.5,
            request_id="r-17",
            inside=(("backend", 1.4),),
        ),
        SlowRequest(
            phase="soak",
            scenario="auth_dashboard",
            route=words,
            status=0,
            started_at=START,
            duration_s=1,
            request_id="",
        ),
    )


def _flame(words: str) -> FlameFile:
    boxes = (
        FlameBox(words="all", kind=FrameKind.OTHER, depth=0, start=0, width=1, told="100%"),
        FlameBox(words=words, kind=FrameKind.PYTHON, depth=1, start=0, width=0.6, told="60%"),
    )
    profile = Profile(
        kind=ProfileKind.CPU,
        service="ai_core",
        profiler="py-spy",
        pids=(1,),
        started_at=START + 5,
        ended_at=START + 15,
        rate_hz=20,
        samples=200,
        lost=0,
        files=(("svg", "cpu.svg"),),
        phase="sustain",
        note=words,
    )
    return FlameFile(profile=profile, name="cpu.svg", svg=flamegraph(Flame(title="CPU", subtitle=words, boxes=boxes)))


def _document(words: str) -> str:
    return (
        f"# First aid\n\n{words}\n\n| finding | share |\n|---|---:|\n| {words.splitlines()[0]} | 60 % |\n\n"
        "![a picture](http://127.0.0.1:9/x.png) [a link](javascript:window.hacked=1)\n"
    )
