import stat
from dataclasses import replace
from pathlib import Path

import pytest

from lab.engines.state import (
    Record,
    home_marker,
    is_of_earlier_boot,
    read_record,
    remove_record,
    target_digest,
    write_record,
)
from lab.errors import EngineError
from lab.model import Environment, ProcessId, RunningService, Service, Target

SERVICE = RunningService(
    name="web", url="http://127.0.0.1:1", version="1", process=ProcessId(pid=7, started_at=9.5), log=Path("/x/web.log")
)
RECORD = Record(
    environment=Environment(
        id="lab-1.2",
        engine="process",
        target="small",
        entry_url="http://127.0.0.1:1",
        mongo_url="",
        started_at=1000.0,
        services=(SERVICE, replace(SERVICE, name="other", process=None, log=None)),
    ),
    target_digest="d",
    complete=True,
    health_urls=(("web", "http://127.0.0.1:1/"),),
)


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path) == RECORD


def test_only_the_user_can_read_a_record_because_a_mongo_url_may_hold_a_password(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    assert stat.S_IMODE((tmp_path / "environment.json").stat().st_mode) == 0o600


def test_there_is_no_record_before_the_first_and_after_the_last(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    write_record(tmp_path, RECORD)
    remove_record(tmp_path)
    assert read_record(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"environment": {}}', b"\xff\xfe"])
def test_a_damaged_record_is_an_error_that_names_the_way_out(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "environment.json").write_bytes(damage)
    with pytest.raises(EngineError, match=r"is damaged; `lab down`"):
        read_record(tmp_path)


def test_a_record_that_cannot_be_written_says_which_setting_helps(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="set LAB_HOME"):
        write_record(tmp_path / "missing", RECORD)


def test_a_home_has_one_marker_by_whichever_path_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert home_marker(tmp_path / "a") == home_marker(tmp_path / "link")
    assert home_marker(tmp_path / "a") != home_marker(tmp_path / "b")


def test_targets_that_differ_in_anything_have_different_digests() -> None:
    target = Target(name="t", description="", entry="a", services=(Service(name="a", kind="http", env=(("X", "1"),)),))
    other = replace(target, services=(replace(target.services[0], env=(("X", "2"),)),))
    assert target_digest(target) == target_digest(replace(target))
    assert target_digest(target) != target_digest(other)


@pytest.mark.parametrize(("booted_at", "expected"), [(900.0, False), (1002.0, False), (2000.0, True)])
def test_a_record_from_before_the_boot_is_known_by_its_time(booted_at: float, expected: bool) -> None:
    assert is_of_earlier_boot(RECORD, booted_at=lambda: booted_at) is expected
