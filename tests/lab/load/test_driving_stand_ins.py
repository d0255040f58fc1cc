"""What becomes of a k6 that behaves oddly: programs of a few lines are started in its place."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.errors import ConfigError, LoadError
from lab.load.k6 import K6Load
from lab.load.k6_samples import convert
from lab.model import Progress, Window
from tests.lab.load.recorded import DATA, MIXED, a_phase

MakeK6 = Callable[[str], K6Load]

PLAYS = f"""
import gzip
with open(pipe, "wb") as out:
    out.write(gzip.open({str(DATA / "mixed.json.gz")!r}).read())
"""


def driven(
    k6: K6Load, out: Path, marker: str, *, base_url: str = "http://127.0.0.1:1", allowed_hosts: tuple[str, ...] = ()
) -> Window:
    def ignored(_: Progress) -> None:
        """Nobody looks."""

    return k6.drive(
        a_phase(),
        MIXED,
        base_url=base_url,
        seed=14,
        out=out,
        marker=marker,
        on_progress=ignored,
        allowed_hosts=allowed_hosts,
    )


@pytest.mark.parametrize("exit_code", [0, 99])
def test_a_missed_threshold_of_k6s_own_is_a_measurement(
    make_k6: MakeK6, tmp_path: Path, marker: str, exit_code: int
) -> None:
    window = driven(make_k6(f"{PLAYS}\nsys.exit({exit_code})"), tmp_path, marker)
    assert window.k6_exit_code == exit_code
    assert window.note == ""
    assert window.achieved_rate_per_s == pytest.approx(30, rel=0.02)
    conversion = convert(tmp_path, ["main"], tmp_path / "samples.parquet", tmp_path / "points.parquet")
    assert (conversion.requests, conversion.truncated) == (302, ())


@pytest.mark.parametrize("exit_code", [1, 104, 107, 255])
def test_any_other_exit_code_is_an_error_with_the_end_of_the_log(
    make_k6: MakeK6, tmp_path: Path, marker: str, exit_code: int
) -> None:
    program = make_k6(f"{PLAYS}\nprint('the last words')\nsys.exit({exit_code})")
    with pytest.raises(LoadError, match=rf"(?s)exit code {exit_code} in phase main; its log:.*the last words"):
        driven(program, tmp_path, marker)
    assert (tmp_path / "main.json.gz").stat().st_size > 1000


def test_a_death_by_a_signal_is_an_error(make_k6: MakeK6, tmp_path: Path, marker: str) -> None:
    with pytest.raises(LoadError, match="exit code -9"):
        driven(make_k6("import os; os.kill(os.getpid(), 9)"), tmp_path, marker)


def test_a_phase_in_which_no_journey_began_is_an_error(make_k6: MakeK6, tmp_path: Path, marker: str) -> None:
    with pytest.raises(LoadError, match=r"(?s)k6 began no journey in phase main; its log:.*nothing to do"):
        driven(make_k6("open(pipe, 'w').close(); print('nothing to do')"), tmp_path, marker)


def test_errors_of_the_script_itself_are_noted(make_k6: MakeK6, tmp_path: Path, marker: str) -> None:
    program = make_k6(f"{PLAYS}\nprint('level=error source=stacktrace')\nprint('Uncaught (in promise) TypeError')")
    assert driven(program, tmp_path, marker).note == "2 script errors, see main.log"


def test_a_program_that_cannot_be_started_is_an_error_that_names_it(
    make_k6: MakeK6, tmp_path: Path, marker: str
) -> None:
    program = make_k6("")
    program.k6.path.unlink()
    with pytest.raises(LoadError, match="No such file"):
        driven(program, tmp_path, marker)


def test_no_setting_of_k6s_in_the_shell_reaches_it_but_the_labs_own(
    make_k6: MakeK6, tmp_path: Path, marker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("K6_VUS", "K6_NEW_MACHINE_READABLE_SUMMARY", "K6_ADDRESS"):
        monkeypatch.setenv(name, "true")
    driven(
        make_k6(f"{PLAYS}\nimport os\nprint({{k: v for k, v in os.environ.items() if 'K6' in k}})"), tmp_path, marker
    )
    assert ast.literal_eval((tmp_path / "main.log").read_text()) == {
        "K6_NO_USAGE_REPORT": "true",
        "K6_AUTO_EXTENSION_RESOLUTION": "false",
        "K6_NEW_MACHINE_READABLE_SUMMARY": "false",
    }


def test_it_is_asked_for_the_phase_with_the_seed_and_without_a_rest_api(
    make_k6: MakeK6, tmp_path: Path, marker: str
) -> None:
    program = make_k6(f"{PLAYS}\nprint(argv[1:])")
    driven(program, tmp_path, marker, base_url="http://localhost:1")
    said = (tmp_path / "main.log").read_text()
    expected = ("'BASE_URL=http://localhost:1'", "'RATE=30'", "'DURATION=10'", "'SEED=14'", "'PHASE=main'", "'RUN=0'")
    assert [text for text in (*expected, "'--address', ''", "mixed.js'") if text not in said] == []
    assert "START_RATE" not in said


@pytest.mark.parametrize(
    "base_url",
    [
        "http://example.com",
        "http://10.0.0.1:8810",
        "http://0.0.0.0:8810",
        "http://169.254.169.254",
        "http://127.0.0.1.example.com:8810",
        "http://127.0.0.1@example.com",
        "http://[2001:db8::1]:80",
        "http://localhost.example.com",
        "127.0.0.1:8810",
        "",
    ],
)
def test_load_goes_to_no_other_machine(make_k6: MakeK6, tmp_path: Path, marker: str, base_url: str) -> None:
    started = "open(pipe, 'w').close(); sys.exit('was started')"
    with pytest.raises(ConfigError, match="load: "):
        driven(make_k6(started), tmp_path, marker, base_url=base_url, allowed_hosts=("perf.example.org",))
    assert not list(tmp_path.glob("main.*")), "something was started"


def test_load_goes_to_a_host_that_is_allowed_and_never_through_a_proxy(
    make_k6: MakeK6, tmp_path: Path, marker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    program = make_k6(f"{PLAYS}\nimport os\nprint(argv[1:], [k for k in os.environ if 'proxy' in k.lower()])")
    driven(program, tmp_path, marker, base_url="http://perf.example.org:80", allowed_hosts=("perf.example.org",))
    said = (tmp_path / "main.log").read_text()
    assert "'BASE_URL=http://perf.example.org:80'" in said
    assert said.rstrip().endswith(" []")


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:1", "http://127.9.9.9:1", "http://[::1]:1", "http://localhost"])
def test_every_name_of_this_machine_is_allowed(make_k6: MakeK6, tmp_path: Path, marker: str, base_url: str) -> None:
    assert driven(make_k6(PLAYS), tmp_path, marker, base_url=base_url).phase == "main"


def test_output_that_cannot_be_kept_is_an_error(make_k6: MakeK6, tmp_path: Path, marker: str) -> None:
    (tmp_path / "main.json.gz").symlink_to("/dev/full")
    with pytest.raises(LoadError, match="No space left"):
        driven(make_k6(f"{PLAYS}\ntime.sleep(60)"), tmp_path, marker)


def test_a_folder_that_is_not_there_is_an_error_that_names_the_file(
    make_k6: MakeK6, tmp_path: Path, marker: str
) -> None:
    with pytest.raises(LoadError, match=r"main\.json\.gz: cannot be written"):
        driven(make_k6(PLAYS), tmp_path / "missing", marker)


def test_output_in_whose_place_a_folder_stands_is_an_error_and_leaves_no_pipe(
    make_k6: MakeK6, tmp_path: Path, marker: str
) -> None:
    (tmp_path / "main.json.gz").mkdir()
    with pytest.raises(LoadError, match=r"main\.json\.gz: cannot be written"):
        driven(make_k6(PLAYS), tmp_path, marker)
    assert [path.name for path in tmp_path.glob("main.*")] == ["main.json.gz"]
