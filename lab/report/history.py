"""The history of runs in words, tables and sparklines: for the terminal, for Markdown, and as plain values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from lab.model import ChangePoint, Estimate, History, Judgement, Measure, Outcome, RunGroup, Scale, Track
from lab.report.figures import in_unit, moment, three_digits
from lab.report.markdown import plain, section_lines
from lab.report.section import Section

MARKS = {Judgement.REGRESSED: Outcome.FAILED, Judgement.IMPROVED: Outcome.PASSED}
"""How a judgement is marked in tables."""

_BARS = "▁▂▃▄▅▆▇█"
_CHANGED = "╎"
_UNITS = {"s": "s", "": "ratio", "requests/s": "per_s", "bytes/h": "bytes/h"}
_WIDTH = 40
_OF_RUN = ("since run", "commits")
_COLUMNS = ("", "figure", "of", *_OF_RUN, ">before", ">after", ">change", ">runs")
_CHANGES_NOTE = (
    "The change of the level has its 95 % interval beside it; runs are those of the levels before and after."
)
_COMMIT = 8


def title(group: RunGroup) -> str:
    """Give what a group is about."""
    settings = f" with {group.settings}" if group.settings else ""
    return f"{group.scenario} through {group.plan}, against {group.target}{settings}"


def told(group: RunGroup) -> str:
    """Give which runs a group has, and on what they ran."""
    runs = _counted(len(group.runs), "run")
    first, last = moment(group.runs[0].started_at), moment(group.runs[-1].started_at)
    since = f"{runs}, {first} to {last}" if len(group.runs) > 1 else f"{runs}, {first}"
    ended = "" if group.is_current else "; later runs are of another group"
    return f"{since}; {group.engine} engine on {group.host}; plan {group.plan_digest}{ended}"


def headline(found: History) -> str:
    """Give in one sentence what a history says."""
    new = found.new_regressions
    if new:
        return f"{_counted(len(new), 'figure')} regressed within the last {_counted(found.within, 'run')}"
    if not any(_can_tell(track, found) for group in found.groups for track in group.tracks):
        return f"nothing can be told yet: a figure needs {found.needed} runs that can be compared"
    changes = sum(len(track.changes) for group in found.groups for track in group.tracks)
    older = f"; {_counted(changes, 'change')} in all" if changes else ""
    return f"no figure regressed within the last {_counted(found.within, 'run')}{older}"


def _can_tell(track: Track, found: History) -> bool:
    return track.count >= found.needed


def left_out(found: History) -> tuple[str, ...]:
    """Give how many runs are left out for each reason."""
    counts: dict[str, int] = {}
    for each in found.left_out:
        counts[each.why] = counts.get(each.why, 0) + 1
    return tuple(f"left out: {_counted(count, 'run')}: {why}" for why, count in sorted(counts.items()))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


# ---------------------------------------------------------------------------------------------------------- sections


def change_section(group: RunGroup) -> Section | None:
    """Give every change of a group, the latest first; None where there is none."""
    changes = _changes(group)
    if not changes:
        return None
    return Section(
        title="Change points",
        columns=_COLUMNS,
        rows=tuple(_change_row(track, change) for track, change in changes),
        marks=tuple(MARKS[change.judgement] for _, change in changes),
        note="\n".join((_CHANGES_NOTE, *_differences(change for _, change in changes))),
    )


def _differences(changes: Iterable[ChangePoint]) -> Iterator[str]:
    """Say of each run that a level begins with in what else it differs from the one before it."""
    for run, differs in {change.run: change.differs for change in changes if change.differs}.items():
        yield f"Since {stamp(run)}, too: {'; '.join(differs)}."


def changes_by_run(group: RunGroup) -> tuple[Section, ...]:
    """Give the same for a narrow place: a section for each run since which figures changed, the latest first."""
    by_run: dict[tuple[str, str], list[tuple[Track, ChangePoint]]] = {}
    for track, change in _changes(group):
        by_run.setdefault((change.run, commits(change)), []).append((track, change))
    return tuple(
        Section(
            title=f"Since {stamp(run)}, commits {told}",
            columns=tuple(column for column in _COLUMNS if column not in _OF_RUN),
            rows=tuple(_change_row(track, change, is_whole=False) for track, change in changes),
            marks=tuple(MARKS[change.judgement] for _, change in changes),
            note="\n".join(dict.fromkeys(each for _, change in changes for each in change.differs)),
        )
        for (run, told), changes in by_run.items()
    )


def _changes(group: RunGroup) -> list[tuple[Track, ChangePoint]]:
    changes = [(track, change) for track in group.tracks for change in track.changes]
    return sorted(changes, key=lambda pair: -pair[1].index)


def _change_row(track: Track, change: ChangePoint, *, is_whole: bool = True) -> tuple[str, ...]:
    measure = track.measure
    return (
        change.judgement,
        short_name(measure),
        of(track),
        *((stamp(change.run), commits(change)) if is_whole else ()),
        value(change.before, measure),
        value(change.after, measure),
        changed(change.change, measure),
        f"{change.runs_before} + {change.runs_after}",
    )


def track_section(tracks: Sequence[Track], width: int = _WIDTH) -> Section:
    """Give figures with their sparklines of the last `width` runs, those of the same phase together."""
    return Section(
        title="Figures",
        columns=("figure", "of", "over time", ">runs", ">lowest", ">highest", ">last"),
        rows=tuple(_track_row(track, width) for track in tracks),
        note=f"Sparklines show the last {width} runs, oldest first; {_CHANGED} stands where the level changed.",
    )


def _track_row(track: Track, width: int) -> tuple[str, ...]:
    known = [each for each in track.values if each is not None]
    return (
        short_name(track.measure),
        of(track),
        sparkline(track, width),
        str(track.count),
        value(min(known), track.measure),
        value(max(known), track.measure),
        value(known[-1], track.measure),
    )


def brief_tracks(group: RunGroup) -> tuple[Track, ...]:
    """Give the figures that a terminal shows: those of everything together, and those of scenarios that changed."""
    return tuple(track for track in group.tracks if track.changes or not track.cell.scenario)


def sparkline(track: Track, width: int) -> str:
    """Give the last `width` values as bars from the lowest to the highest of them; a gap where a run has none."""
    begin = max(len(track.values) - width, 0)
    shown = track.values[begin:]
    known = [each for each in shown if each is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    changed_at = {change.index - begin for change in track.changes}
    return "".join(
        (_CHANGED if place in changed_at and place else "") + _bar(each, low, high) for place, each in enumerate(shown)
    )


def _bar(value: float | None, low: float, high: float) -> str:
    if value is None:
        return " "
    share = (value - low) / (high - low) if high > low else 0.0
    return _BARS[min(int(share * len(_BARS)), len(_BARS) - 1)]


# ----------------------------------------------------------------------------------------------------------- in words


def short_name(measure: Measure) -> str:
    """Give the name of a measure, without what it is a percentile of."""
    return measure.name.partition("(")[0]


def stamp(run_id: str) -> str:
    """Give the beginning of a run's name, which is enough to find it by."""
    return run_id.partition("-")[0]


def of(track: Track) -> str:
    """Give what a figure is about."""
    cell = track.cell
    return ", ".join(part for part in (cell.phase, cell.scenario, cell.route, cell.service) if part)


def value(value: float, measure: Measure) -> str:
    """Give a value of a measure in its unit."""
    return in_unit(value, _UNITS[measure.unit])


def changed(change: Estimate, measure: Measure, *, interval: bool = True) -> str:
    """Give a change with its sign: in percent of a ratio, else in the unit of the measure."""
    if measure.scale == Scale.RATIO:
        text, (low, high) = (
            f"{_signed(change.value * 100)} %",
            (_signed(100 * end) for end in (change.low, change.high)),
        )
    else:
        text = _with_sign(change.value, measure)
        low, high = (_with_sign(end, measure) for end in (change.low, change.high))
    return f"{text} ({low} to {high})" if interval else text


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else '-'}{three_digits(abs(value))}"


def _with_sign(difference: float, measure: Measure) -> str:
    return f"{'+' if difference >= 0 else '-'}{value(abs(difference), measure)}"


def commits(change: ChangePoint) -> str:
    """Give the commits that the change came with, as git takes a range of them; one where both runs are of it."""
    before, after = change.commit_before[:_COMMIT], change.commit[:_COMMIT]
    return before if before == after else f"{before}..{after}"


# ------------------------------------------------------------------------------------------------------------- encoded


def markdown(found: History) -> str:
    """Give a history as Markdown, for a pull request or a wiki."""
    return "\n".join(_markdown_lines(found)) + "\n"


def _markdown_lines(found: History) -> Iterator[str]:
    yield f"# History: {plain(headline(found))}"
    yield from (line for reason in left_out(found) for line in ("", f"- {plain(reason)}"))
    for group in found.groups:
        yield from ("", f"# {plain(title(group))}", "", plain(told(group)))
        changes = change_section(group)
        if changes is not None:
            yield from section_lines(changes)
        if group.tracks:
            yield from section_lines(track_section(group.tracks))


def encoded(found: History) -> dict[str, Any]:
    """Give a history as plain values: units as in `lab.model.history`, the new regressions named apart."""
    return {
        **asdict(found),
        "headline": headline(found),
        "new_regressions": [
            {
                "scenario": group.scenario,
                "plan": group.plan,
                "target": group.target,
                "metric": track.measure.name,
                "cell": asdict(track.cell),
                "run": change.run,
            }
            for group, track, change in found.new_regressions
        ],
    }
