"""The capacity plan as it is read; `LAB_WRITE_GOLDEN=1 scripts/check tests/lab/report` renews the golden file."""

import os
import re
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from lab import capacity as planning
from lab.analysis.capacity import Asked
from lab.model import Capacity
from lab.report import capacity as report
from lab.report import encode
from tests.lab.analysis.capacity.a_loaded_run import ALoadedRun

GOLDEN = Path(__file__).parent / "golden" / "capacity_plan.md"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Capacity:
    return planning.plan(ALoadedRun(tmp_path_factory.mktemp("runs")).write(), Asked())


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Capacity:
    return planning.plan(ALoadedRun(tmp_path_factory.mktemp("runs"), has_ramp=False, steps=()).write(), Asked())


def test_the_plan_is_the_golden_one(found: Capacity) -> None:
    content = report.render(found)
    if os.environ.get("LAB_WRITE_GOLDEN"):
        GOLDEN.write_text(content, encoding="utf-8")
    assert content == GOLDEN.read_text(encoding="utf-8")


def test_every_sentence_has_a_figure_and_a_command_that_names_the_run(found: Capacity) -> None:
    told = report.statements(found)
    assert len(told) > 15
    for statement in told:
        assert re.search(r"\d", statement.text), statement.text
        assert statement.command.startswith(f"lab capacity {found.run_id}"), statement.command
        assert statement.text.endswith(".")


def test_a_rate_far_beyond_what_was_measured_is_marked(found: Capacity) -> None:
    texts = [statement.text for statement in report.statements(found)]
    (far,) = [text for text in texts if "500 requests/s use" in text]
    (near,) = [text for text in texts if text.startswith("50 requests/s use")]
    assert far.startswith("[extrapolated, 3.1 times the highest good rate]")
    assert "extrapolated" not in near


def about_the_hold_out(found: Capacity, **p95: float | None) -> str:
    """The sentence about what was held out, with other errors of P95."""
    held = found.hold_outs[0]
    errors = tuple(replace(error, **p95) if error.figure == "p95" else error for error in held.errors)
    changed = replace(found, hold_outs=(replace(held, errors=errors),))
    (told,) = [each.text for each in report.statements(changed) if "has seen no load above" in each.text]
    return told


def test_aims_are_called_met_or_missed_by_the_errors_that_were_found(found: Capacity) -> None:
    assert "for throughput (aim 10%: met)" in about_the_hold_out(found)
    assert "25.0% for P95 below 80 % utilisation (aim 25%: met" in about_the_hold_out(found, error_below=0.25)
    assert "26.0% for P95 below 80 % utilisation (aim 25%: missed" in about_the_hold_out(found, error_below=0.26)
    assert "below 80 % utilisation, where no step is" in about_the_hold_out(found, error_below=None)


def test_a_run_that_carries_no_plan_says_what_is_missing_and_how_to_get_it(nothing: Capacity) -> None:
    content = report.render(nothing)
    assert content.startswith(f"# Capacity of {nothing.run_id}: no plan can be made\n")
    assert "no ramp and no stress phase was driven" in content
    assert "`lab run mixed --plan capacity`" in content
    assert "##" not in content.removeprefix("#")


def test_the_json_can_be_read_and_has_the_errors_of_single_predictions(found: Capacity) -> None:
    content = orjson.loads(orjson.dumps(encode.capacity(found)))
    row = content["hold_outs"][0]["rows"][0]
    assert row["error"] == pytest.approx(row["predicted"] / row["measured"] - 1)
    assert content["parts_s"]["explain"]["value"] == pytest.approx(0.004)
    assert content["slices"][0]["cores"]["backend"] > 0


def test_another_headroom_stands_in_the_commands(tmp_path: Path) -> None:
    plan = planning.plan(ALoadedRun(tmp_path).write(), Asked(headroom=0.5, rates_per_s=(120.0,)))
    commands = {statement.command for statement in report.statements(plan)}
    assert f"lab capacity {plan.run_id} --headroom 0.5 --rate 120" in commands
