"""The window of a phase: when its load really began and ended, and at which rate journeys started in it."""

from pathlib import Path

from lab.load.journeys_log import JourneysLog
from lab.load.k6_lines import GzipLines
from lab.load.k6_samples import output_of
from lab.model import Phase, Scenario, Window

# k6 writes how many VUs it has once a second until its load ends, so a phase that was driven to its end has such a line
_LATEST_SIGN_OF_LIFE_S = 2.0


def window_of(
    phase: Phase,
    scenario: Scenario,
    log: JourneysLog,
    *,
    k6_exit_code: int | None,
    is_interrupted: bool,
    note: str = "",
) -> Window | None:
    """Give a phase's window: the planned duration from the begin of its load, or to its last line when interrupted.

    The achieved rate counts journeys by their start, which is the end of an iteration less its duration; a journey cut
    by an interruption is not known and not counted. None where no journey ever began.
    """
    if log.began_at is None:
        return None
    planned_end = log.began_at + phase.duration_s
    end = min(planned_end, log.last_at or log.began_at) if is_interrupted else planned_end
    return Window(
        phase=phase.name,
        kind=phase.kind,
        step=0,
        started_at=log.began_at,
        ended_at=end,
        planned_rate_per_s=phase.mean_rate_per_s,
        achieved_rate_per_s=_rate(log, log.began_at, end, scenario.requests_per_journey),
        k6_exit_code=k6_exit_code,
        note=note,
    )


def _rate(log: JourneysLog, begin: float, end: float, requests_per_journey: float) -> float:
    if end <= begin:
        return 0.0
    return log.started_between(begin, end) * requests_per_journey / (end - begin)


def measure_window(phase: Phase, scenario: Scenario, load: Path) -> Window | None:
    """Find the window of a phase in k6's output alone, also where k6 or the lab was killed (then it says so in `note`).

    None where no journey ever began. How k6 ended is not in its output: `k6_exit_code` is None.
    """
    lines, log = GzipLines(output_of(load, phase.name)), JourneysLog()
    for batch in lines:
        log.read(batch)
    is_interrupted = lines.is_truncated or not _has_run_its_time(phase, log)
    note = "interrupted" if is_interrupted else ""
    return window_of(phase, scenario, log, k6_exit_code=None, is_interrupted=is_interrupted, note=note)


def _has_run_its_time(phase: Phase, log: JourneysLog) -> bool:
    if log.began_at is None or log.last_at is None:
        return False
    return log.last_at >= log.began_at + phase.duration_s - _LATEST_SIGN_OF_LIFE_S
