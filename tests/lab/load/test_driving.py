"""Driving a phase with the real k6: what it leaves, what is seen meanwhile, and how it ends."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lab.config.targets import load_scenario
from lab.errors import LoadError, ServiceDiedError
from lab.load.k6 import K6Load, RemoteWrite
from lab.load.k6_samples import convert
from lab.load.k6_summary import read_summary
from lab.load.k6_window import measure_window
from lab.model import Progress
from lab.processes import wait_until
from tests.k6.backend_process import Backend
from tests.lab.load.recorded import a_phase

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6")]

AUTH = load_scenario("auth_dashboard")


def ignored(_: Progress) -> None:
    """For those who do not look."""


def test_a_phase_leaves_a_window_and_files_that_agree(
    k6: K6Load, backend: Backend, tmp_path: Path, marker: str
) -> None:
    phase, seen = a_phase(duration_s=3.0), list[Progress]()
    window = k6.drive(phase, AUTH, base_url=backend.url, seed=14, out=tmp_path, marker=marker, on_progress=seen.append)
    assert window.ended_at - window.started_at == pytest.approx(3)
    assert window.achieved_rate_per_s == pytest.approx(30, rel=0.1)
    assert (window.planned_rate_per_s, window.k6_exit_code, window.note) == (30, 0, "")
    measured = measure_window(phase, AUTH, tmp_path)
    assert measured is not None
    assert (measured.started_at, measured.achieved_rate_per_s) == (window.started_at, window.achieved_rate_per_s)

    conversion = convert(tmp_path, ["main"], tmp_path / "samples.parquet", tmp_path / "points.parquet")
    summary = read_summary(tmp_path / "main.summary.json")
    assert conversion.truncated == ()
    assert conversion.damaged_lines == 0
    assert conversion.requests == summary.requests == 2 * summary.iterations
    assert sorted(path.name for path in tmp_path.glob("main.*")) == ["main.json.gz", "main.log", "main.summary.json"]


def test_k6_sends_its_series_where_it_is_told_to_and_does_without_a_server_that_is_gone(
    k6: K6Load, backend: Backend, tmp_path: Path, marker: str
) -> None:
    phase = a_phase(duration_s=3.0)
    sending = replace(k6, remote_write=RemoteWrite(url="http://127.0.0.1:9/api/v1/write", run_id="the-run"))
    window = sending.drive(phase, AUTH, base_url=backend.url, seed=14, out=tmp_path, marker=marker, on_progress=ignored)
    assert (window.k6_exit_code, window.note) == (0, "")
    assert "remote write" in (tmp_path / "main.log").read_text().lower()
    conversion = convert(tmp_path, ["main"], tmp_path / "samples.parquet", tmp_path / "points.parquet")
    assert (conversion.truncated, conversion.damaged_lines) == ((), 0)
    assert conversion.requests == read_summary(tmp_path / "main.summary.json").requests


def test_progress_names_the_process_and_counts_up(k6: K6Load, backend: Backend, tmp_path: Path, marker: str) -> None:
    seen: list[tuple[Progress, str]] = []

    def look(progress: Progress) -> None:
        assert progress.generator_pid is not None
        seen.append((progress, psutil.Process(progress.generator_pid).name()))

    k6.drive(
        a_phase(duration_s=3.0), AUTH, base_url=backend.url, seed=14, out=tmp_path, marker=marker, on_progress=look
    )
    counts = [progress.requests for progress, _ in seen]
    assert counts == sorted(counts)
    assert counts[-1] > 0
    assert {name for _, name in seen[1:]} == {"k6"}
    assert all(0 <= progress.failed <= progress.requests for progress, _ in seen)


@pytest.mark.parametrize("reason", [ServiceDiedError("backend ended"), KeyboardInterrupt()], ids=["death", "ctrl-c"])
def test_what_progress_raises_ends_k6_goes_on_and_keeps_what_was_measured(
    k6: K6Load, backend: Backend, tmp_path: Path, marker: str, reason: BaseException
) -> None:
    def stop(progress: Progress) -> None:
        if progress.requests >= 20:
            raise reason

    phase = a_phase(duration_s=60.0)
    with pytest.raises(type(reason)) as caught:
        k6.drive(phase, AUTH, base_url=backend.url, seed=14, out=tmp_path, marker=marker, on_progress=stop)
    assert caught.value is reason
    assert psutil.Process().children() == [] or all(c.name() != "k6" for c in psutil.Process().children())
    window = measure_window(phase, AUTH, tmp_path)
    assert window is not None
    assert window.note == "interrupted"
    assert window.ended_at - window.started_at < 60
    conversion = convert(tmp_path, ["main"], tmp_path / "samples.parquet", tmp_path / "points.parquet")
    assert conversion.requests >= 20
    assert not (tmp_path / "main.json.gz.pipe").exists()


CONTROLLER = """
import sys
from pathlib import Path
from lab.config.targets import load_scenario
from lab.load.k6 import K6Load, find_k6
from lab.model import Phase, PhaseKind

def tell(progress):
    if progress.requests:
        print(progress.generator_pid, flush=True)

phase = Phase(name="main", kind=PhaseKind.SUSTAIN, rate_per_s=30.0, duration_s=120.0)
K6Load(find_k6()).drive(phase, load_scenario("auth_dashboard"), base_url=sys.argv[1], seed=14,
                        out=Path(sys.argv[2]), marker=sys.argv[3], on_progress=tell)
"""


def test_k6_ends_with_a_controller_that_was_killed_and_what_it_flushed_is_read(
    backend: Backend, tmp_path: Path, marker: str
) -> None:
    argv = [sys.executable, "-c", CONTROLLER, backend.url, str(tmp_path), marker]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as controller:
        assert controller.stdout is not None
        pids = [int(controller.stdout.readline()) for _ in range(5)]  # more than the second between two flushes
        generator = psutil.Process(pids[0])
        os.kill(controller.pid, signal.SIGKILL)
    assert wait_until(lambda: not generator.is_running() or generator.status() == "zombie", timeout_s=10)
    conversion = convert(tmp_path, ["main"], tmp_path / "samples.parquet", tmp_path / "points.parquet")
    assert conversion.truncated == ("main",)
    assert conversion.requests > 0
    window = measure_window(a_phase(duration_s=120.0), AUTH, tmp_path)
    assert window is not None
    assert window.note == "interrupted"


def test_a_script_that_refuses_its_settings_is_an_error_with_the_end_of_its_log(
    k6: K6Load, backend: Backend, tmp_path: Path, marker: str
) -> None:
    with pytest.raises(LoadError, match=r"(?s)k6 ended with exit code \d+ in phase main; its log:.*EXPLAINER=oracle"):
        k6.drive(
            a_phase(),
            AUTH,
            base_url=backend.url,
            seed=14,
            out=tmp_path,
            marker=marker,
            on_progress=ignored,
            settings={"EXPLAINER": "oracle"},
        )
    assert backend.seen() == []


def test_a_backend_that_is_not_there_is_an_error_that_says_so(
    k6: K6Load, tmp_path: Path, marker: str, closed_url: str
) -> None:
    with pytest.raises(LoadError, match=r"(?s)setup: POST .*/register answered 0.*refused"):
        k6.drive(a_phase(), AUTH, base_url=closed_url, seed=14, out=tmp_path, marker=marker, on_progress=ignored)


def test_k6s_settings_in_the_shell_do_not_change_the_load(
    k6: K6Load, backend: Backend, tmp_path: Path, marker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"K6_VUS": "1", "K6_DURATION": "1s", "K6_OUT": "json", "K6_SYSTEM_TAGS": "url", "K6_LINGER": "true"}
    for name, value in {**settings, "RATE": "500", "BASE_URL": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    window = k6.drive(
        a_phase(duration_s=2.0), AUTH, base_url=backend.url, seed=14, out=tmp_path, marker=marker, on_progress=ignored
    )
    assert window.achieved_rate_per_s == pytest.approx(30, rel=0.15)
