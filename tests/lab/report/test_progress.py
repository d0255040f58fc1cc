"""How a run goes: a table in a terminal, plain lines elsewhere."""

import io

from rich.console import Console

from lab.model import Phase, PhaseKind, Plan, Progress
from lab.report.progress import showing

PHASE = Phase(name="sustain", kind=PhaseKind.SUSTAIN, rate_per_s=50, duration_s=20)
PLAN = Plan(name="p", description="", seed=1, phases=(PHASE,), thresholds=())


def at(elapsed_s: float, *, p95_s: float | None = 0.25, failed: int = 2) -> Progress:
    return Progress(
        phase="sustain",
        elapsed_s=elapsed_s,
        duration_s=20,
        planned_rate_per_s=50,
        achieved_rate_per_s=49.5,
        requests=int(elapsed_s * 50),
        failed=failed,
        p95_s=p95_s,
    )


def output(*moments: Progress, terminal: bool) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=120, color_system=None)
    with showing(PLAN, console) as on_progress:
        for moment in moments:
            on_progress(PHASE, moment)
    return file.getvalue()


def test_without_a_terminal_there_is_a_line_at_the_start_every_five_seconds_and_at_the_end() -> None:
    lines = output(*(at(second) for second in range(23)), terminal=False).splitlines()
    assert [line.split()[1] for line in lines] == ["0", "5", "10", "15", "20"]
    words = " ".join(lines[1].split())
    assert words == "sustain 5 of 20 s planned 50.0/s achieved 49.5/s p95 250 ms failed 2 of 250"


def test_a_percentile_that_there_is_not_yet_is_a_dash() -> None:
    assert "p95        –" in output(at(0, p95_s=None), terminal=False)


def test_a_terminal_shows_one_row_per_phase_that_is_renewed() -> None:
    text = output(at(1), at(2), terminal=True)
    last = text.rsplit("elapsed", maxsplit=1)[1]
    assert "00:02 of 00:20" in last
    assert "250 ms" in last
    assert "00:01" not in last
