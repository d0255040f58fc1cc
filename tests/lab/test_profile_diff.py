"""Profiles of two runs held against one another: what is paired and named, and what is said where nothing can be."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lab.collectors.recorder import SERIES
from lab.errors import ConfigError, RunDirError
from lab.profile_diff import compare_profiles, draw, require_some
from lab.report import profile_difference
from lab.rundir import RunDir
from tests.lab.profiled_runs import a_cpu_profile, a_run_directory, after, before

REQUESTS = {"before": 6467, "after": 3900}
"""What the shop really did in the time of each profile."""


def two_runs(root: Path) -> tuple[RunDir, RunDir]:
    return (
        a_run_directory(root, "010000", before(), requests=REQUESTS["before"]),
        a_run_directory(root, "020000", after(), requests=REQUESTS["after"]),
    )


def test_the_code_that_really_changed_is_named_and_no_other(tmp_path: Path) -> None:
    (found,) = compare_profiles(*two_runs(tmp_path)).differences
    named = {change.words for change in found.found.changed}
    assert {words for words in named if words.startswith(("shop.", "json."))} == {"shop.orders.seal"}
    assert named - {"shop.orders.seal"} == {
        "EVP_hash in _hashopenssl.c",
        "SHA256_Update in libcrypto",
        "_hashlib_openssl_sha256 in _hashopenssl.c.h",
        "code without a name in libcrypto",
        "py_evp_fromname in _hashopenssl.c",
    }
    seal = next(change for change in found.found.changed if change.words == "shop.orders.seal")
    assert (seal.before_samples, seal.after_samples) == (89, 172)
    assert 0 < seal.low_s < seal.change_s < seal.high_s
    assert seal.p < 0.01
    assert found.clumping == pytest.approx(776 / (7.4 * 50)), "on the busier machine two looks in three were at waits"


def test_without_what_the_kernel_counted_a_busy_machine_makes_everything_seem_to_grow(tmp_path: Path) -> None:
    first = a_run_directory(tmp_path, "010000", before(), requests=REQUESTS["before"])
    second = a_run_directory(tmp_path, "020000", a_cpu_profile("shop-after"), requests=REQUESTS["after"])
    (found,) = compare_profiles(first, second).differences
    assert found.before.seconds_per_sample == found.after.seconds_per_sample == 0.02, "the kernel's count of one alone"
    assert "json.loads" in {change.words for change in found.found.changed}


def test_the_other_way_round_what_grew_has_shrunk(tmp_path: Path) -> None:
    first, second = two_runs(tmp_path)
    (there,) = compare_profiles(first, second).differences
    (back,) = compare_profiles(second, first).differences
    assert [change.words for change in back.found.changed] == [change.words for change in there.found.changed]
    assert all(change.change_s < 0 for change in back.found.changed)


def test_a_run_against_itself_has_no_change(tmp_path: Path) -> None:
    first, _ = two_runs(tmp_path)
    (found,) = compare_profiles(first, first).differences
    assert found.found.changed == ()
    assert found.found.before_s == found.found.after_s


def test_profiles_of_one_place_are_paired_in_their_order_and_what_is_left_over_is_said(tmp_path: Path) -> None:
    late = {"begin_s": 26.0, "end_s": 41.0}
    first = a_run_directory(tmp_path, "010000", before(), before(**late), requests=100)
    second = a_run_directory(tmp_path, "020000", before(service="till"), before(), requests=100)
    compared = compare_profiles(first, second)
    assert [(d.service, d.phase, d.before.profile.started_at) for d in compared.differences] == [
        ("shop", "sustain", before().started_at)
    ]
    assert compared.notes == (
        "shop in sustain: 1 in 20260101T010000Z-mixed-tiny have no partner",
        "till in sustain: 1 in 20260101T020000Z-mixed-tiny have no partner",
    )


def test_steps_are_paired_with_the_same_step_alone(tmp_path: Path) -> None:
    first = a_run_directory(tmp_path, "010000", before(phase="stress", drive="stress-04"), requests=100)
    second = a_run_directory(
        tmp_path, "020000", *(after(phase="stress", drive=f"stress-{n}") for n in ("03", "04")), requests=100
    )
    assert [d.drive for d in compare_profiles(first, second).differences] == ["stress-04"]
    assert len(compare_profiles(first, second, phase="stress").differences) == 1
    assert compare_profiles(first, second, phase="stress-03").differences == ()


def test_the_step_that_broke_is_the_same_moment_whatever_its_number(tmp_path: Path) -> None:
    broke = {"phase": "sustain", "moment": "break"}
    one = a_run_directory(tmp_path, "010000", before(drive="sustain-07", **broke), requests=100)
    other = a_run_directory(tmp_path, "020000", after(drive="sustain-11", **broke), requests=100)
    (found,) = compare_profiles(one, other).differences
    assert found.drive == "sustain, break"
    good = after(phase="sustain", drive="sustain-07", moment="good")
    third = a_run_directory(tmp_path, "030000", good, requests=100)
    assert compare_profiles(one, third).differences == ()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"service": "till"}, "20260101T010000Z-mixed-tiny has no CPU profile of till; it has: shop in sustain"),
        ({"phase": "soak"}, "20260101T010000Z-mixed-tiny has no CPU profile in soak; it has: shop in sustain"),
    ],
)
def test_what_was_asked_for_and_is_not_there_is_said_with_what_there_is(
    asked: dict[str, str], why: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="can be compared") as raised:
        require_some(compare_profiles(*two_runs(tmp_path), **asked))
    assert why in raised.value.problems


def test_a_run_without_profiles_says_how_to_take_some(tmp_path: Path) -> None:
    first = a_run_directory(tmp_path, "010000", before(), requests=100)
    second = a_run_directory(tmp_path, "020000", requests=100)
    compared = compare_profiles(first, second)
    assert compared.differences == ()
    (note,) = compared.notes
    assert note.startswith("20260101T020000Z-mixed-tiny has no CPU profiles: take some while it goes on (`lab profile")


def test_a_profile_without_requests_meanwhile_is_not_compared(tmp_path: Path) -> None:
    idle = {"begin_s": 30.0, "end_s": 45.0}
    first = a_run_directory(tmp_path, "010000", before(**idle), requests=100)
    second = a_run_directory(tmp_path, "020000", after(), requests=100)
    compared = compare_profiles(first, second)
    assert compared.differences == ()
    (note,) = compared.notes
    assert note.startswith("shop in sustain: no request of 20260101T010000Z-mixed-tiny ended while it was profiled:")


@pytest.mark.parametrize("content", [None, "no count\n"])
def test_stacks_that_are_gone_or_damaged_are_said_and_the_rest_is_compared(content: str | None, tmp_path: Path) -> None:
    damaged = before(phase="soak", files=(("folded", "gone.folded"),))
    first = a_run_directory(tmp_path, "010000", before(), damaged, requests=100)
    second = a_run_directory(tmp_path, "020000", after(), after(phase="soak"), requests=100)
    if content is not None:
        (first.profiles / "gone.folded").write_text(content)
    compared = compare_profiles(first, second)
    assert [d.phase for d in compared.differences] == ["sustain"]
    (note,) = compared.notes
    assert note.startswith("shop in soak: ")


def test_requests_that_have_not_been_read_yet_are_asked_for(tmp_path: Path) -> None:
    first, second = two_runs(tmp_path)
    second.samples.unlink()
    with pytest.raises(RunDirError, match="lab report 20260101T020000Z-mixed-tiny"):
        compare_profiles(first, second)


def test_what_makes_two_runs_hard_to_compare_is_said(tmp_path: Path) -> None:
    first = a_run_directory(tmp_path, "010000", before(), requests=3000)
    other = {"target": "real", "scenario": {"name": "upload"}, "provenance": {"host": {"cpu_model": "B", "cores": 8}}}
    changes = {"lost": 400, "profiler": "another", "note": "native frames are lacking"}
    second = a_run_directory(tmp_path, "020000", after(**changes), requests=2000, **other)
    compared = compare_profiles(first, second)
    assert compared.notes == (
        "the runs differ in their scenario: mixed and upload",
        "the runs differ in their target: stubs and real",
        "the runs differ in their machine: Some CPU, 2 cores and B, 8 cores",
    )
    (found,) = compared.differences
    assert found.notes[0].startswith("requests came at 200.0 and 133.3 a second: CPU per request falls")
    assert found.notes[1:] == (
        "one was taken by py-spy, the other by another",
        "400 looks of 20260101T020000Z-mixed-tiny are lost, beside 750 samples",
        "20260101T020000Z-mixed-tiny: native frames are lacking",
    )


def test_calls_that_are_seen_several_times_each_widen_the_intervals(tmp_path: Path) -> None:
    # ai_core's stacks show the route: 45 samples of POST /analyze, of which none is in the run
    ai_core = a_cpu_profile("ai_core", service="ai_core", cpu_s=2.74)
    first = a_run_directory(tmp_path, "010000", ai_core, requests=100)
    (found,) = compare_profiles(first, first).differences
    assert found.clumping == 46.0
    (section,) = profile_difference.sections(compare_profiles(first, first))
    assert "Some 46.0 samples come of one call" in section.note


def test_what_the_cpu_of_the_run_varies_by_widens_intervals(tmp_path: Path) -> None:
    first, second = (
        a_run_directory(tmp_path, name, profile, requests=4 * REQUESTS[which], over_s=(0.0, 60.0))
        for name, profile, which in (("010000", before(), "before"), ("020000", after(), "after"))
    )
    (narrow,) = compare_profiles(first, second).differences
    assert narrow.variation is None, "the service of these profiles was not watched"
    for run in (first, second):
        run.series.mkdir()
        rows = pq.read_table(run.path / "processes.parquet").to_pylist()
        swings = [
            {**row, "labels": "service=shop", "value": row["value"] + (row["time"].second // 5 % 2)}
            for row in rows
            if row["metric"] == "process_cpu_seconds_total" and row["labels"] == "service=backend"
        ]
        pq.write_table(pa.Table.from_pylist(swings, schema=SERIES), run.series / "processes.parquet")
    (wide,) = compare_profiles(first, second).differences
    assert wide.variation is not None
    assert wide.variation > 0.1
    assert "shop.orders.seal" in {change.words for change in narrow.found.changed}
    assert len(wide.found.changed) < len(narrow.found.changed)


def test_flame_graphs_are_the_same_bytes_each_time_and_colour_what_grew(tmp_path: Path) -> None:
    first, second = two_runs(tmp_path)
    compared = compare_profiles(first, second)
    ((what, path),) = draw(compared, first, second, tmp_path / "out")
    content = path.read_bytes()
    assert (what, path.name) == ("shop in sustain", "shop-after-cpu-against-20260101T010000Z-mixed-tiny.svg")
    ((_, again),) = draw(compared, first, second, tmp_path / "other")
    assert again.read_bytes() == content
    svg = content.decode()
    grown = [line for line in svg.splitlines() if "<g " in line and "shop.orders.seal:" in line]
    assert 'class="python d4"' in grown[0]
    assert "6,467 requests" in svg
    assert not list(first.profiles.glob("*.svg"))


def lab(root: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "LAB_ARTIFACTS": str(root), "LAB_HOME": str(root / "home"), "COLUMNS": "120"}
    argv = [sys.executable, "-m", "lab", "profile", *words]
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_lists_what_changed_and_writes_the_flame_graph_beside_the_later_profiles(tmp_path: Path) -> None:
    _, second = two_runs(tmp_path)
    result = lab(tmp_path, "--diff", "20260101T01", "20260101T02")
    assert result.returncode == 0, result.stderr
    assert "CPU per request of shop in sustain" in result.stdout
    (row,) = [line for line in result.stdout.splitlines() if "shop.orders.seal" in line]
    assert row.split()[1:3] == ["0.19", "0.42"]
    assert row.rstrip().endswith("89 → 172")
    assert "0.002" in row
    (drawn,) = second.profiles.glob("*.svg")
    assert str(drawn) in result.stdout.replace("\n", "")


def test_the_flame_graph_goes_where_it_is_asked_to(tmp_path: Path) -> None:
    two_runs(tmp_path)
    assert lab(tmp_path, "--diff", "20260101T01", "20260101T02", "shop", "--out", str(tmp_path / "x")).returncode == 0
    assert [path.suffix for path in (tmp_path / "x").iterdir()] == [".svg"]
    (tmp_path / "file").write_text("in the way")
    refused = lab(tmp_path, "--diff", "20260101T01", "20260101T02", "--out", str(tmp_path / "file" / "below"))
    assert (refused.returncode, "name another one: --out FOLDER" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "name the SERVICE to look into"),
        (("shop", "--phase", "soak"), "--phase needs --diff RUN_A RUN_B"),
        (("--diff", "20260101T01", "20260101T02", "--heap"), "--heap has no meaning with --diff"),
        (("--diff", "20260101T01", "20260101T02", "--seconds", "3"), "--seconds has no meaning with --diff"),
        (("--diff", "20260101T01", "nowhere"), "there is no run 'nowhere'"),
        (("--diff", "20260101T01", "20260101T02", "till"), "has no CPU profile of till"),
        (("--diff", "20260101T01"), "requires 2 arguments"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_looked_into(
    words: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    two_runs(tmp_path)
    result = lab(tmp_path, *words)
    assert (result.returncode, told in result.stderr) == (2, True), result.stderr
