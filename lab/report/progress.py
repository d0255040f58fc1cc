"""How a run goes, while it goes: a live table in a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from lab.model import Phase, Plan, Progress

_LINE_EVERY_S = 5.0
_OnProgress = Callable[[Phase, Progress], None]


@contextmanager
def showing(plan: Plan, console: Console) -> Iterator[_OnProgress]:
    """Give what takes the progress of phases and shows it on `console`."""
    seen: dict[str, Progress] = {}
    if not console.is_terminal:
        yield _lines(console)
        return
    with Live(_table(plan, seen), console=console, auto_refresh=False) as live:

        def update(phase: Phase, progress: Progress) -> None:
            seen[phase.name] = progress
            live.update(_table(plan, seen), refresh=True)

        yield update


def _lines(console: Console) -> _OnProgress:
    said: dict[str, float] = {}

    def say(_: Phase, progress: Progress) -> None:
        # at the start, every few seconds, and at the end
        last = said.get(progress.phase)  # a stress phase is driven in steps, each with a name of its own
        is_over = last is not None and progress.elapsed_s >= progress.duration_s > last
        if last is None or progress.elapsed_s - last >= _LINE_EVERY_S or is_over:
            said[progress.phase] = progress.elapsed_s
            console.print(line(progress), soft_wrap=True)

    return say


def line(progress: Progress) -> str:
    """One line: phase, elapsed of planned, RPS planned and achieved, P95, errors."""
    return (
        f"{progress.phase:<10} {progress.elapsed_s:5.0f} of {progress.duration_s:.0f} s   "
        f"planned {progress.planned_rate_per_s:6.1f}/s   achieved {progress.achieved_rate_per_s:6.1f}/s   "
        f"p95 {_milliseconds(progress.p95_s):>8}   failed {progress.failed} of {progress.requests}"
    )


def _table(plan: Plan, seen: dict[str, Progress]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("phase", "", "elapsed"):
        table.add_column(name)
    for name in ("planned/s", "achieved/s", "p95", "requests", "failed"):
        table.add_column(name, justify="right")
    for phase in plan.phases:
        progress = seen.get(phase.name)
        table.add_row(*(_cells(progress) if progress else _waiting(phase)))
    return table


def _cells(progress: Progress) -> tuple[str | ProgressBar, ...]:
    done = min(progress.elapsed_s, progress.duration_s)
    return (
        progress.phase,
        ProgressBar(total=progress.duration_s, completed=done, width=16),
        f"{_clock(done)} of {_clock(progress.duration_s)}",
        f"{progress.planned_rate_per_s:.1f}",
        f"{progress.achieved_rate_per_s:.1f}",
        _milliseconds(progress.p95_s),
        str(progress.requests),
        f"[red]{progress.failed}[/red]" if progress.failed else "0",
    )


def _waiting(phase: Phase) -> tuple[str | ProgressBar, ...]:
    bar = ProgressBar(total=phase.duration_s, completed=0, width=16)
    return (
        f"[dim]{phase.name}",
        bar,
        f"[dim]{_clock(phase.duration_s)}",
        f"[dim]{phase.rate_per_s:.1f}",
        "",
        "",
        "",
        "",
    )


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds))).removeprefix("0:")


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.0f} ms"
