"""Where py-spy looks from: beside the processes of this machine, or from a container that the compose file names."""

import os
from pathlib import Path

import pytest

from lab.errors import ProfileError
from lab.model import ComposeProject, Subject
from lab.profilers.pyspy import PySpy
from lab.profilers.pyspy_places import BesideContainer, OnThisMachine, place_of

PROGRAM = Path("/usr/bin/py-spy")
ALLOWING = "services:\n  profile-ai_core:\n    pid: service:ai_core\n"


def contained(folder: Path, *, service: str = "ai_core", pid: int = 0) -> Subject:
    project = ComposeProject(name="lab-1", files=(folder / "compose.yaml",), variables=folder / "v.json", folder=folder)
    return Subject(service=service, pid=pid, folder=folder, stem="s", project=project)


def test_a_process_of_this_machine_is_looked_at_from_here_and_a_container_from_beside_it(tmp_path: Path) -> None:
    here = Subject(service="ai_core", pid=os.getpid(), folder=tmp_path, stem="s")
    assert isinstance(place_of(here), OnThisMachine)
    assert isinstance(place_of(contained(tmp_path)), BesideContainer)


@pytest.mark.parametrize(
    ("content", "service", "why"),
    [
        (None, "ai_core", "compose.profiling.yaml is missing beside compose.yaml"),
        (ALLOWING, "mongo", "compose.profiling.yaml has no service profile-mongo, which may look into it"),
        (ALLOWING, "ai_core", ""),
    ],
)
def test_a_container_is_looked_into_only_where_the_compose_file_beside_its_own_says_so(
    content: str | None, service: str, why: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "compose.profiling.yaml").write_text(content, encoding="utf-8")
    said = place_of(contained(tmp_path, service=service)).why_not(PROGRAM)
    assert said.startswith(why)
    assert bool(said) == bool(why)


def test_a_profile_that_nothing_may_take_is_refused_with_the_reason_and_leaves_no_file(tmp_path: Path) -> None:
    subject = contained(tmp_path)
    with pytest.raises(ProfileError, match=r"ai_core: compose\.profiling\.yaml is missing"):
        PySpy().take(subject, seconds=1, is_ended=lambda: False)
    assert list(tmp_path.iterdir()) == []


def test_processes_that_this_machine_does_not_see_are_taken_to_live(tmp_path: Path) -> None:
    assert place_of(contained(tmp_path)).lives()
    assert place_of(contained(tmp_path, pid=os.getpid())).lives()
    assert not place_of(contained(tmp_path, pid=2**22 + 1)).lives()
