import os
import re

import pytest

from lab.errors import ProfileError
from lab.profilers.python_process import Rights, cpu_seconds, family, lives, short_name, why_not_allowed


@pytest.mark.parametrize(
    ("scope", "capable", "uid", "told"),
    [
        (0, False, 1000, ""),
        (1, True, 0, ""),
        (2, True, 0, ""),
        (0, False, 1001, "belongs to another user"),
        (1, False, 1000, r"ptrace_scope 1\).*kernel.yama.ptrace_scope=0"),
        (2, False, 1000, r"ptrace_scope 2\).*setcap cap_sys_ptrace"),
        (3, True, 0, "lets no one look"),
    ],
)
def test_who_may_look_into_a_process(scope: int, capable: bool, uid: int, told: str) -> None:
    why = why_not_allowed(7, owner_uid=1000, rights=Rights(is_capable=capable, uid=uid, scope=scope))
    assert re.search(told, why) if told else why == ""


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["/venv/bin/python", "-m", "ai_core_stub", "--token", "s3cret"], "python -m ai_core_stub"),
        (["python3.11", "-u", "/srv/app/serve.py", "s3cret"], "python3.11 serve.py"),
        (
            ["python", "-B", "-c", "from multiprocessing.spawn import spawn_main; x()"],
            "python -c multiprocessing.spawn",
        ),
        (["python", "-c", "print('s3cret')"], "python -c"),
        (["/usr/bin/uvicorn;x"], "uvicorn:x"),
        ([], ""),
    ],
)
def test_a_process_is_named_by_what_it_runs_and_never_by_its_values(words: list[str], name: str) -> None:
    assert short_name(words) == name


def test_a_process_that_does_not_exist_is_said_to_have_ended() -> None:
    unused = 2**22 + 1  # above the largest pid that Linux gives
    assert not lives(unused)
    assert cpu_seconds(unused) is None
    with pytest.raises(ProfileError, match="has ended"):
        family(unused)


def test_the_cpu_of_this_process_grows_while_it_works() -> None:
    before = cpu_seconds(os.getpid())
    assert before is not None
    while sum(number * number for number in range(100_000)) and (cpu_seconds(os.getpid()) or 0) <= before:
        pass
