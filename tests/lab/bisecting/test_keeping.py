"""What a search leaves on disk, and how it is found again."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.bisecting import keeping
from lab.bisecting.by_target import read_target
from lab.bisecting.keeping import BisectDir
from lab.errors import RunDirError
from lab.model import AgainstGood, Bisection, Commit, Estimate, Mark, RunState, Trial, TrialFigure
from tests.lab.bisecting.a_history import TARGET, a_run

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GOOD = Commit(sha="0" * 40, subject="good", author_date="2026-01-01T00:00:00+00:00", parents=())
BAD = replace(GOOD, sha="1" * 40, subject="bad", parents=(GOOD.sha,))
FIGURE = TrialFigure(name="p95", value=Estimate(value=0.5, low=0.4, high=0.6), unit="s")
BEGUN = Bisection(scenario="mixed", good=GOOD, bad=BAD, target=read_target(TARGET))


def made(root: Path) -> BisectDir:
    kept = keeping.create(root, "mixed", now=NOW)
    kept.write(BEGUN, {"name": "ab"})
    return kept


@pytest.mark.parametrize(
    "found",
    [
        BEGUN,
        replace(BEGUN, target=None, against=AgainstGood(pairs=8, alpha=0.01, look_for=0.1, route="GET /x")),
        replace(
            BEGUN,
            state=RunState.FINISHED,
            suspects=(BAD,),
            log="# first bad commit",
            trials=(
                Trial(commit=GOOD, runs=(a_run(0.1), a_run(None, unusable="busy"))),
                Trial(commit=BAD, mark=Mark.BAD, why="", figures=(FIGURE,)),
            ),
        ),
    ],
)
def test_a_search_is_read_as_it_was_written(tmp_path: Path, found: Bisection) -> None:
    kept = made(tmp_path)
    kept.write(found, {"name": "ab"})
    assert kept.read() == (found, {"name": "ab"})
    assert kept.log.read_text(encoding="utf-8") == f"{found.log}\n"


def test_a_search_has_a_folder_of_its_own_with_its_runs(tmp_path: Path) -> None:
    first, second = made(tmp_path), made(tmp_path)
    assert (first.name, second.name) == ("20260102T030405Z-bisect-mixed", "20260102T030405Z-bisect-mixed-2")
    assert first.run("a").path == first.path / "runs" / "a"


def test_it_is_found_by_its_name_its_beginning_its_path_and_as_the_latest(tmp_path: Path) -> None:
    first = made(tmp_path)
    assert keeping.find(tmp_path, "20260102").path == first.path
    assert keeping.find(tmp_path, first.name).path == first.path
    assert keeping.find(tmp_path / "elsewhere", str(first.path)).path == first.path
    second = made(tmp_path)
    assert keeping.find(tmp_path, "latest").path == second.path
    with pytest.raises(RunDirError, match="2 searches"):
        keeping.find(tmp_path, "20260102")


@pytest.mark.parametrize("name", ["latest", "20260102", "nowhere"])
def test_what_is_not_there_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunDirError, match="there is no search"):
        keeping.find(tmp_path, name)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"bisection": {}}'])
def test_a_damaged_record_is_told(tmp_path: Path, content: bytes) -> None:
    kept = made(tmp_path)
    kept.record.write_bytes(content)
    with pytest.raises(RunDirError, match="damaged"):
        kept.read()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RunDirError, match="LAB_ARTIFACTS"):
        keeping.create(tmp_path / "file", "mixed", now=NOW)
