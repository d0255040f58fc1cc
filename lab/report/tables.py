"""Tables for the terminal: the parts of this machine, the environment, and the runs there are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from lab.model import Environment, Outcome, Part, Profile, RunningService, ServiceHealth, StackSummary

_STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "red", Outcome.INVALID: "yellow"}


def _plain_table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def doctor(parts: Sequence[Part]) -> Table:
    """One row per part: whether it is used, which version, why, where; what is lost without it, and how to get it."""
    table = _plain_table("", "part", "version", "")
    for part in parts:
        mark = "[green]✓" if part.used else ("[red]✗" if part.needed else "[dim]–")
        table.add_row(mark, part.name, part.version or "–", "\n".join(_notes(part)))
    return table


def _notes(part: Part) -> list[str]:
    notes = [escape(part.why), f"[dim]{escape(part.found)}" if part.found else ""]
    if not (part.used or part.version):
        notes += [
            f"lost without it: {escape(part.lost)}" if part.lost else "",
            f"get it: {escape(part.get)}" if part.get else "",
        ]
    return [note for note in notes if note]


def profile(taken: Profile, folder: Path) -> Table:
    """What a profiler saw, and the files that it left."""
    table = _plain_table("", "")
    looked = f"{taken.ended_at - taken.started_at:.0f} s"
    rate = f", {taken.rate_hz:g} times a second" if taken.rate_hz else ""
    table.add_row("profiler", f"{taken.profiler}, {looked}{rate}")
    table.add_row("processes", ", ".join(str(pid) for pid in taken.pids))
    table.add_row("samples", f"{taken.samples}{f', {taken.lost} lost' if taken.lost else ''}")
    for kind, name in taken.files:
        table.add_row(kind, escape(str(folder / name)))
    if taken.note:
        table.add_row("note", escape(taken.note))
    return table


def hottest(summary: StackSummary) -> Table:
    """The functions with the most time, or memory, of their own, and what they and all that they call come to."""
    table = _plain_table("own", "total", "function", "kind")
    for frame in summary.by_own:
        table.add_row(f"{frame.own_share:.1%}", f"{frame.total_share:.1%}", escape(frame.words), frame.kind)
    return table


def _process(service: RunningService) -> str:
    if service.container is not None:
        return service.container.id[:12]
    return str(service.process.pid) if service.process else "–"


def environment(running: Environment, health: Sequence[ServiceHealth]) -> Table:
    """One row per service: state, URL, pid or container, version, memory; then its log."""
    table = _plain_table("", "service", "url", "process", "version", "memory", "log")
    for service, state in zip(running.services, health, strict=True):
        table.add_row(
            "[green]ready" if state.ok else f"[red]{escape(state.why or 'not ready')}",
            service.name,
            service.url,
            _process(service),
            service.version,
            "–" if state.rss_bytes is None else f"{state.rss_bytes / 1e6:.0f} MB",
            str(service.log or "–"),
        )
    return table


def runs(found: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any] | None]]) -> Table:
    """One row per run, given as id, content of `run.json`, and of `verdict.json` where there is one."""
    table = _plain_table("run", "target", "seed", "state", "verdict")
    table.columns[0].no_wrap = True  # it names start, scenario and plan, and is what other commands ask for
    for run_id, record, verdict in found:
        table.add_row(
            run_id,
            str(record.get("target", "?")),
            str(record.get("seed", "?")),
            str(record.get("state", "?")),
            _outcome(verdict),
        )
    return table


def _outcome(verdict: Mapping[str, Any] | None) -> str:
    text = str((verdict or {}).get("outcome", "–"))
    style = _STYLES.get(Outcome(text)) if text in tuple(Outcome) else None
    return f"[{style}]{text}" if style else text
