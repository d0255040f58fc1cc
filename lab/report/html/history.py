"""The history of runs as one HTML file: every figure as a chart over runs, its levels, and where they changed."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from lab.model import ChangePoint, History, HistoryRun, RunGroup, Scale, Track
from lab.report import history as words
from lab.report.figures import moment
from lab.report.html.chart import Chart
from lab.report.html.files import HISTORY_SCRIPTS, policy, templates, text_of
from lab.report.html.payload import as_json, short
from lab.report.html.writing import filters

_KIND = "history"
"""The name by which scripts know the charts."""


def render_history(found: History, reports: Mapping[str, str]) -> str:
    """Give the page; `reports` has the way to the page of each run that has one. The same values, the same bytes."""
    scripts = [text_of(name) for name in HISTORY_SCRIPTS]
    environment = templates()
    environment.filters.update(filters())
    return environment.get_template("history_page.html").render(
        policy=policy(scripts),
        style=Markup(text_of("page.css")),  # noqa: S704  # a file of this package
        scripts=[Markup(script) for script in scripts],  # noqa: S704  # files of this package, which hold no </script>
        data=Markup(as_json(_data(found))),  # noqa: S704  # it holds no sign that HTML knows
        headline=words.headline(found),
        outcome="failed" if found.new_regressions else "passed" if _tells(found) else "invalid",
        left_out=words.left_out(found),
        missing=found.left_out,
        groups=[_shown(group, f"group-{place}", reports) for place, group in enumerate(found.groups, 1)],
        alpha=f"{found.alpha:.2g}",
        needed=found.needed,
    )


def _tells(found: History) -> bool:
    return any(track.count >= found.needed for group in found.groups for track in group.tracks)


def _shown(group: RunGroup, anchor: str, reports: Mapping[str, str]) -> dict[str, Any]:
    charts = [(track, _chart(track, f"{anchor}/{place}")) for place, track in enumerate(group.tracks)]
    return {
        "anchor": anchor,
        "title": words.title(group),
        "told": words.told(group),
        "changes": words.change_section(group),
        "figures": words.track_section(group.tracks) if group.tracks else None,
        "changed": [chart for track, chart in charts if track.changes],
        "level": [chart for track, chart in charts if not track.changes],
        "runs": [_run(run, reports) for run in group.runs[::-1]],
    }


def _chart(track: Track, subject: str) -> Chart:
    return Chart(
        kind=_KIND,
        title=f"{words.short_name(track.measure)}, {words.of(track)}",
        told=_told(track),
        subject=subject,
    )


def _told(track: Track) -> str:
    if not track.changes:
        return "no change"
    latest, earlier = track.changes[-1], len(track.changes) - 1
    more = f"; {earlier} before" if earlier else ""
    return f"{latest.judgement} {words.changed(latest.change, track.measure)} since {words.stamp(latest.run)}{more}"


def _run(run: HistoryRun, reports: Mapping[str, str]) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "started": moment(run.started_at).removesuffix(" UTC"),
        "commit": run.commit,
        "is_dirty": run.is_dirty,
        "outcome": run.outcome,
        "report": reports.get(run.run_id, ""),
    }


# ------------------------------------------------------------------------------------------------- what scripts draw


def _data(found: History) -> dict[str, Any]:
    groups = {f"group-{place}": group for place, group in enumerate(found.groups, 1)}
    return {
        "timelines": {},
        "phases": [],
        "runs": {
            anchor: [(run.run_id, run.started_at, run.commit[:10], run.outcome) for run in group.runs]
            for anchor, group in groups.items()
        },
        "tracks": {
            f"{anchor}/{place}": _drawn(track)
            for anchor, group in groups.items()
            for place, track in enumerate(group.tracks)
        },
    }


def _drawn(track: Track) -> dict[str, Any]:
    return {
        "unit": track.measure.unit,
        "is_ratio": track.measure.scale == Scale.RATIO,
        "values": [short(value) for value in track.values],
        "levels": _levels(track),
        "changes": [_change(change, track) for change in track.changes],
    }


def _change(change: ChangePoint, track: Track) -> dict[str, Any]:
    return {
        "at": change.index,
        "judgement": change.judgement,
        "is_up": change.change.value > 0,
        "told": words.changed(change.change, track.measure, interval=False),
        "commits": words.commits(change),
    }


def _levels(track: Track) -> list[tuple[int, int, float | None]]:
    """Give each level as [first run, last run, mean]; of a figure that never changed none."""
    if not track.changes:
        return []
    bounds = [0, *(change.index for change in track.changes), len(track.values)]
    means = [track.changes[0].before, *(change.after for change in track.changes)]
    return [(begin, end - 1, short(mean)) for begin, end, mean in zip(bounds[:-1], bounds[1:], means, strict=True)]
