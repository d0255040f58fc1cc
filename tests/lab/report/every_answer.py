"""A report with an answer from every kind of phase, each of them with and without what can be missing."""

from dataclasses import replace

from lab.model import (
    AllocationSite,
    BreakOutcome,
    BreakPoint,
    Complaint,
    Connections,
    DatabaseUse,
    Drift,
    Estimate,
    FrameKind,
    GrowthBasis,
    HeldSite,
    HotCode,
    HotFrame,
    LatencySummary,
    Leak,
    LeakOutcome,
    LoadMeanwhile,
    Noise,
    NoiseFigure,
    Observation,
    Phase,
    PhaseKind,
    ProfileKind,
    ProfileSummary,
    Ramp,
    RampBin,
    RampBreak,
    Recovery,
    RecoveryOutcome,
    Report,
    Resilience,
    RouteTime,
    Saturation,
    SiteGrowth,
    SlowQuery,
    SlowRequest,
    SoakGrowth,
    Staircase,
    StepOutcome,
    StepPurpose,
    StepResult,
    ThreadTime,
)
from lab.thresholds import parse
from tests.lab.analysis.a_run import START

_BREAKS = (parse("p95(response_time) < 1s"), parse("error_rate < 0.5%"))
_RSS = "process_resident_memory_bytes"


def with_every_answer(report: Report) -> Report:
    """Give a report to which spikes, ramps, stress phases and soaks have left their answers."""
    stress = Phase(
        name="stress",
        kind=PhaseKind.STRESS,
        start_rate_per_s=50,
        rate_per_s=500,
        duration_s=100,
        staircase=Staircase(breaks=_BREAKS),
    )
    analysis = replace(
        report.analysis,
        ramps=(_ramp(), replace(_ramp(), phase="level", knee_per_s=None, knee_concurrency=None, breaks=(), why="so")),
        resiliences=(_spike(),),
        break_points=(_break_point(), _unbroken()),
        leaks=(_leak("ai_core", LeakOutcome.LEAK), _leak("backend", LeakOutcome.NO_LEAK), _short()),
        slowest=(
            SlowRequest(
                phase="sustain",
                scenario="upload_analyze",
                route="POST /analyze",
                status=202,
                started_at=START + 12.0,
                duration_s=1.25,
                request_id="0-sustain-upload_analyze-7-2",
                inside=(("backend", 1.2), ("ai_core", 0.9), ("mongo", 0.015)),
            ),
            SlowRequest(
                phase="soak",
                scenario="auth_dashboard",
                route="POST /login",
                status=0,
                started_at=START + 80.0,
                duration_s=15.0,
                request_id="",
            ),
        ),
        complaints=(
            Complaint(
                service="backend",
                template="the queue holds <NUMBER> analyses",
                count=12,
                first_at=START + 3.0,
                first="the queue holds 61 analyses",
            ),
            Complaint(
                service="ai_core",
                template="request POST /analyze",
                status=503,
                count=1,
                first_at=None,
                first="request POST /analyze",
                request_id="0-stress-04-mixed-9-1",
            ),
        ),
        database=(
            DatabaseUse(
                phase="sustain",
                operations_per_s=212.5,
                latencies_s=(("reads", 0.00015), ("writes", 0.0004), ("commands", 0.0002)),
                connections_max=23,
                queue_max=0,
                cache=0.31,
                collection_scans_per_s=0.0,
                slow=3,
            ),
            DatabaseUse(
                phase="soak",
                operations_per_s=9.0,
                latencies_s=(("reads", 0.00015),),
                connections_max=None,
                queue_max=None,
                cache=None,
                collection_scans_per_s=None,
                slow=0,
            ),
        ),
        slow_queries=(
            SlowQuery(
                collection="reports",
                operation="query",
                shape='{"filter":{"userId":"?"},"sort":{"createdAt":"?"}}',
                plan="COLLSCAN",
                count=3,
                slowest_s=0.35,
                examined=120000,
                request_id="0-sustain-auth_dashboard-3-2",
            ),
            SlowQuery(
                collection="users",
                operation="insert",
                shape="{}",
                plan="",
                count=1,
                slowest_s=0.11,
                examined=None,
                request_id="",
            ),
        ),
        profiles=(_cpu_profile(), _heap_profile(), _lost_profile()),
        soak_growths=(_between(), _repeated()),
        drifts=(Drift(phase="soak", warmup_s=31.0, level_s=0.0025, change=_estimate(0.12, -0.02, 0.3)),),
        connections=(
            Connections(
                phase="soak",
                service="backend",
                pool_min=8,
                pool_max=20,
                opened=31,
                closed=None,
                time_wait_median=411,
                time_wait_max=1418,
            ),
        ),
    )
    baseline = Phase(name="baseline", kind=PhaseKind.BASELINE, rate_per_s=2, duration_s=30)
    unloaded = [replace(cell, phase="baseline", latency=_half(cell.latency)) for cell in analysis.latencies]
    analysis = replace(analysis, latencies=(*unloaded, *analysis.latencies))
    plan = replace(report.plan, phases=(baseline, *report.plan.phases, stress))
    return replace(report, plan=plan, analysis=analysis, noise=_noise())


def _cpu_profile() -> ProfileSummary:
    load = LoadMeanwhile(
        seconds=15.0,
        requests=742,
        extra_polls=11,
        cells=(
            ("POST /analyze", "explain_heavy", 74),
            ("POST /analyze", "upload_analyze", 76),
            ("GET /report/{id}", "upload_analyze", 603),
        ),
    )
    explain = HotFrame(
        words="shap.TreeExplainer.shap_values",
        kind=FrameKind.PYTHON,
        own=2,
        total=146,
        own_share=0.006,
        total_share=0.459,
    )
    walk = HotFrame(
        words="tree_shap in <shap>", kind=FrameKind.NATIVE, own=120, total=120, own_share=0.377, total_share=0.377
    )
    sort = HotFrame(
        words="sort | copy in numpy", kind=FrameKind.NATIVE, own=9, total=9, own_share=0.028, total_share=0.028
    )
    return ProfileSummary(
        kind=ProfileKind.CPU,
        service="ai_core",
        profiler="py-spy",
        phase="stress",
        drive="stress-04",
        started_at=START + 30.0,
        ended_at=START + 45.0,
        rate_hz=20.0,
        samples=318,
        lost=3,
        cpu_s=16.2,
        threads=ThreadTime(gil_s=12.1, released_s=3.8, idle_s=101.4),
        files=(("folded", "p-ai_core-cpu.folded"), ("svg", "p-ai_core-cpu.svg")),
        note="native frames could not be read",
        load=load,
        by_own=(HotCode(frame=walk, route="POST /analyze"), HotCode(frame=sort)),
        by_total=(HotCode(frame=explain, route="POST /analyze"),),
        unnamed_share=0.04,
        routes=(
            RouteTime(
                route="POST /analyze",
                samples=286,
                share=0.9,
                requests=150,
                cpu_s_per_request=0.0972,
                scenarios=load.scenarios("POST /analyze"),
            ),
            RouteTime(route="POST /login", samples=3, share=0.01, requests=0, cpu_s_per_request=None, scenarios=()),
        ),
    )


def _heap_profile() -> ProfileSummary:
    leak = AllocationSite(file="ai_core_stub/faults.py", line=40, size_bytes=13_300_000, count=120)
    return replace(
        _cpu_profile(),
        kind=ProfileKind.HEAP,
        profiler="python-heap",
        phase="",
        drive="",
        rate_hz=0.0,
        threads=None,
        files=(("allocations", "p-ai_core-heap.json"),),
        note="",
        load=LoadMeanwhile(seconds=15.0, requests=0, extra_polls=0),
        by_own=(),
        by_total=(),
        routes=(),
        held=(HeldSite(role="service", site=leak), HeldSite(role="", site=replace(leak, file="", name="Session"))),
    )


def _lost_profile() -> ProfileSummary:
    return replace(
        _cpu_profile(), threads=None, files=(), by_own=(), by_total=(), routes=(), why="x.folded cannot be read: gone"
    )


def _between() -> SoakGrowth:
    site = AllocationSite(file="ai_core_stub/faults.py", line=40, size_bytes=13_300_000, count=120)
    return SoakGrowth(
        phase="soak",
        service="ai_core",
        profiler="python-heap",
        basis=GrowthBasis.BETWEEN,
        started_at=START + 90,
        ended_at=START + 1770,
        stretches=((START + 60, START + 90), (START + 1740, START + 1770)),
        sites=(
            SiteGrowth(role="service", site=site, grown_bytes=12_300_000, grown_count=110, bytes_per_h=26_400_000.0),
        ),
        grown_bytes=12_300_000,
        resident_bytes=14_100_000,
        notes=("worker 3 is missing: it was busy",),
    )


def _repeated() -> SoakGrowth:
    return replace(_between(), service="backend", basis=GrowthBasis.REPEATED, resident_bytes=None, notes=())


def _noise() -> Noise:
    return Noise(
        run_id="20260102T110000Z-mixed-noise",
        measured_at=START,
        scenario="mixed",
        rate_per_s=20,
        duration_s=20,
        repeats=6,
        figures=(NoiseFigure(name="p50", unit="s", mean=0.0025, variation=0.02, smallest_change=0.078),),
    )


def _half(latency: LatencySummary) -> LatencySummary:
    mean = latency.mean_s
    return replace(latency, mean_s=mean and _estimate(mean.value / 2, mean.low / 2, mean.high / 2))


def _estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value=value, low=low, high=high)


def _ramp() -> Ramp:
    bins = [
        RampBin(
            started_at=START + 5 * place,
            ended_at=START + 5 * place + 5,
            offered_rate_per_s=10.0 * place + 5,
            achieved_rate_per_s=10.0 * place + 4.6,
            concurrency=0.02 * (place + 1),
            count=50 * place,
            p50_s=_estimate(0.002, 0.0018, 0.0022) if place else None,
            p95_s=None,
            error_rate=_estimate(0.1 * place, 0, 0.4) if place else None,
        )
        for place in range(3)
    ]
    return Ramp(
        phase="ramp",
        bins=tuple(bins),
        baseline_s=0.0031,
        knee_per_s=_estimate(17.2, 14.9, 19.4),
        knee_concurrency=0.043,
        breaks=(RampBreak(threshold="error_rate < 0.5%", rate_per_s=_estimate(15, 5, 15)),),
    )


def _spike() -> Resilience:
    back = Recovery(
        signal="p95_s",
        outcome=RecoveryOutcome.RECOVERED,
        band_high=0.0221,
        worst=0.617,
        worst_at=START + 31,
        recovery_s=_estimate(4.5, 4.0, 6.5),
        observed_s=60,
    )
    return Resilience(
        phase="spike",
        outcome=RecoveryOutcome.NOT_RECOVERED,
        surge_started_at=START + 20,
        surge_ended_at=START + 30,
        ended_at=START + 90,
        base_rate_per_s=50,
        surge_rate_per_s=200,
        recoveries=(
            back,
            replace(back, signal="error_rate", outcome=RecoveryOutcome.UNKNOWN, band_high=None, recovery_s=None),
            replace(back, signal="queue_depth", outcome=RecoveryOutcome.NOT_RECOVERED, worst=66.0, recovery_s=None),
        ),
        worst_p95_s=0.353,
        error_rate=_estimate(0.161, 0.15, 0.172),
        backlog_drained=False,
        why="not back",
    )


def _step(number: int, rate: float, outcome: StepOutcome, *, why: str = "") -> StepResult:
    observed = (0.021, 0.031 if outcome == StepOutcome.BAD else 0.0)
    seen = tuple(
        Observation(
            threshold=threshold.text,
            phase="stress",
            started_at=START + 100 + number,
            ended_at=START + 101 + number,
            count=500,
            observed=None if why else _estimate(value, value, value),
        )
        for threshold, value in zip(_BREAKS, observed, strict=True)
    )
    return StepResult(
        phase="stress",
        step=number,
        purpose=StepPurpose.CLIMB if number < 3 else StepPurpose.CONFIRM,
        rate_per_s=rate,
        achieved_rate_per_s=rate - 0.2,
        started_at=START + 100 + number,
        ended_at=START + 101 + number,
        outcome=outcome,
        seen=seen,
        missed=(_BREAKS[1].text,) if outcome == StepOutcome.BAD else (),
        dropped_iterations=3 if outcome == StepOutcome.BAD else 0,
        drained_s=None if number == 1 else 0.4,
        why=why,
    )


def _break_point() -> BreakPoint:
    return BreakPoint(
        phase="stress",
        outcome=BreakOutcome.FOUND,
        steps=(
            _step(1, 50, StepOutcome.GOOD),
            _step(2, 65, StepOutcome.BAD),
            _step(3, 50, StepOutcome.UNKNOWN, why="p95 needs 200 values, and there are 60"),
        ),
        rate_per_s=_estimate(57.3, 51.2, 63.9),
        last_good_per_s=50,
        first_bad_per_s=65,
        confirmed_good=3,
        confirmed_bad=3,
        first_broken="error_rate < 0.5%",
        where="POST /analyze",
        bottleneck="CPU of backend",
        saturated=(
            Saturation(resource="CPU of backend", used=0.97, used_before=0.71, limit="1 cores"),
            Saturation(resource="CPU of the machine", used=0.8, used_before=None, limit="2 cores"),
        ),
    )


def _unbroken() -> BreakPoint:
    why = "nothing broke up to the ceiling of 500/s"
    return BreakPoint(phase="stress", outcome=BreakOutcome.NOT_BROKEN, steps=(), last_good_per_s=500, why=why)


def _leak(service: str, outcome: LeakOutcome) -> Leak:
    is_leak = outcome == LeakOutcome.LEAK
    slope = _estimate(61e6, 58e6, 64e6) if is_leak else _estimate(0.4e6, -1.1e6, 1.9e6)
    return Leak(
        phase="soak",
        service=service,
        metric=_RSS,
        outcome=outcome,
        effect_per_h=20e6,
        observed_s=3600,
        warmup_s=140,
        level=686e6,
        slope_per_h=slope,
        slope_per_1000_requests=_estimate(3.4e5, 3.2e5, 3.6e5),
        limit=25e9,
        to_limit_s=1.4e6 if is_leak else None,
        where="grew 12.3 MB between 21:03:10 and 21:31:10 at ai_core_stub/faults.py:40" if is_leak else "",
    )


def _short() -> Leak:
    return Leak(
        phase="soak",
        service="mongo",
        metric="process_open_fds",
        outcome=LeakOutcome.INCONCLUSIVE,
        effect_per_h=20,
        observed_s=300,
        level=40,
        slope_per_h=_estimate(3, -30, 41),
        needed_s=5400,
        why="the interval of the slope holds growth that counts, and less",
    )
