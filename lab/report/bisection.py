"""What a search for a commit says: while it goes on, and at its end."""

from collections.abc import Iterator

from lab.model import Bisection, Commit, Mark, Outcome, Trial
from lab.report.figures import NOTHING, estimate_in_unit, printable
from lab.report.section import Section

_MARKS = {Mark.GOOD: Outcome.PASSED, Mark.BAD: Outcome.FAILED, Mark.SKIP: Outcome.INVALID}
_SKIPPED = {Mark.SKIP: "skipped"}


def commit_text(commit: Commit) -> str:
    """Give a commit in a few words."""
    return printable(f"{commit.short} {commit.subject}")


def figures_of(trial: Trial) -> list[str]:
    """Give what a commit was marked by: each figure with its interval, or what a comparison said."""
    return [*(f"{of.name}: {estimate_in_unit(of.value, of.unit)}" for of in trial.figures), *trial.said]


def told(trial: Trial) -> str:
    """Give what a commit is, and by which figures."""
    mark = _SKIPPED.get(trial.mark, trial.mark) if trial.mark else "not told yet"
    reasons = [*([trial.why] if trial.why else []), *figures_of(trial)]
    return printable(f"{trial.commit.short} is {mark}{': ' if reasons else ''}{'; '.join(reasons)}")


def ends_told(good: Trial, bad: Trial) -> list[str]:
    """Give what both ends showed, a sentence each."""
    return [f"the good end, {told(good)}", f"the bad end, {told(bad)}"]


def headline(found: Bisection) -> str:
    """Give the answer in one line."""
    if found.first_bad is not None:
        return f"first bad commit: {printable(f'{found.first_bad.sha} {found.first_bad.subject}')}"
    if found.suspects:
        return f"the first bad commit is one of {len(found.suspects)}: the others of them could not be told"
    return "the first bad commit was not found yet"


def statements(found: Bisection) -> Iterator[str]:
    """Give what is to be known beside the answer, a line each."""
    first = found.first_bad
    if first is not None:
        yield f"author date {first.author_date}"
        yield f"it: {_figures_of(found, first.sha)}"
        yield from (f"its parent {parent[:10]}: {_figures_of(found, parent)}" for parent in first.parents)
    else:
        yield from (f"it may be {commit_text(commit)}" for commit in found.suspects)
    runs = sum(len(trial.runs) for trial in found.trials)
    skipped = sum(trial.mark == Mark.SKIP for trial in found.trials)
    yield f"{_counted(len(found.trials), 'commit')} tried in {_counted(runs, 'run')}, {skipped} skipped"


def _figures_of(found: Bisection, sha: str) -> str:
    trial = next((trial for trial in found.trials if trial.commit.sha == sha), None)
    if trial is None:
        return "not measured, since it is older than a good one"
    if sha == found.good.sha and not figures_of(trial):
        return "the good end"
    return printable("; ".join(figures_of(trial)) or trial.why)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def section(found: Bisection) -> Section:
    """Give every commit that was tried, in that order."""
    return Section(
        title="Commits tried",
        columns=("is", "commit", "subject", "author date", "by", ">runs"),
        rows=tuple(_row(trial) for trial in found.trials),
        marks=tuple(_MARKS[trial.mark] if trial.mark else Outcome.INVALID for trial in found.trials),
        note=f"good: {found.target.text}" if found.target else "good: not regressed against the good end",
    )


def _row(trial: Trial) -> tuple[str, ...]:
    by = "\n".join(figures_of(trial)) or trial.why or NOTHING
    mark = _SKIPPED.get(trial.mark, trial.mark) if trial.mark else NOTHING
    commit = trial.commit
    return (str(mark), commit.short, printable(commit.subject), commit.author_date, printable(by), str(len(trial.runs)))


def see_more(found: Bisection, *, plan: str) -> str:
    """Give the command that shows more of what the commit changed; "" where none was found."""
    first = found.first_bad
    if first is None or not first.parents:
        return ""
    return f"lab ab --base {first.parents[0][:10]} --candidate {first.short} --plan {plan} {found.scenario}"
