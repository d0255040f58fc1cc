"""What playbooks say: whole, with this run's figures, and in commands that exist."""

import re
import shlex
from pathlib import Path

import pytest

from lab.cli import cli
from lab.model import Action, Journeys, Playbook
from lab.playbooks import RULES
from tests.lab.playbooks import test_rules_of_analyses as analyses
from tests.lab.playbooks import test_rules_of_services as services
from tests.lab.playbooks import test_rules_of_the_database as database
from tests.lab.playbooks.a_case import ACase

PARTS = ("confirm", "mitigation", "fix", "verify", "rollback")


def explaining(folder: Path) -> ACase:
    case = ACase(folder)
    case.analyses(per_s=4, explain_s=0.3)
    return case


def collecting(folder: Path) -> ACase:
    case = ACase(folder)
    case.histogram("gc_pause_seconds", per_s=2, mean_s=0.05, labels="generation=2,service=backend")
    return case


def writing(folder: Path) -> ACase:
    case = ACase(folder)
    case.gauge("host_pressure_ratio", 0.4, "resource=io", rows="host")
    return case


def dropping(folder: Path) -> ACase:
    case = ACase(folder, journeys=Journeys(max_vus=3))
    case.points += [case.point(second + 0.5, "dropped_iterations", 1.0) for second in range(60)]
    return case


def shared(folder: Path) -> ACase:
    case = ACase(folder)
    case.host_value("host_cpu_ratio", 0.9)
    return case


FIRING = {
    "ai_core_cpu": analyses.overloaded,
    "slow_explainer": explaining,
    "queue_full": lambda folder: analyses.refusing(folder, rejected_per_s=2),
    "pool_exhausted": lambda folder: database.pooled(folder, wait_s=0.016),
    "database_slow": lambda folder: database.database(folder, read_per_given=11, scans_per_s=5),
    "memory_leak": lambda folder: services.soak(folder, mb_per_h=600),
    "event_loop_blocked": lambda folder: services.late(folder, 0.06),
    "connection_churn": lambda folder: database.pooled(folder, wait_s=0.016, opened_per_s=20),
    "io_bound": writing,
    "generator_bound": dropping,
    "noisy_neighbour": shared,
    "garbage_collection": collecting,
}


@pytest.fixture(params=list(RULES))
def playbook(request: pytest.FixtureRequest, tmp_path: Path) -> Playbook:
    return FIRING[request.param](tmp_path).seen()[request.param]  # type: ignore[no-any-return]  # by the table above


def actions(playbook: Playbook) -> list[Action]:
    return [action for part in PARTS for action in getattr(playbook.advice, part)]


def test_every_part_says_something(playbook: Playbook) -> None:
    assert playbook.advice.cause
    for part in PARTS:
        assert getattr(playbook.advice, part), part
        assert all(action.text.strip() for action in getattr(playbook.advice, part))


def test_cause_deciding_sign_and_verification_carry_figures_of_the_run(playbook: Playbook) -> None:
    advice = playbook.advice
    for text in (advice.cause, playbook.symptom.signs[0].text, advice.verify[0].text):
        assert re.search(r"\d", text), text
    assert advice.verify[0].command


def test_what_is_not_known_is_no_word_of_python(playbook: Playbook) -> None:
    for text in (playbook.advice.cause, *(action.text for action in actions(playbook))):
        assert not re.search(r"\b(None|nan|inf)\b", text), text


def test_every_command_of_the_lab_has_options_that_exist(playbook: Playbook) -> None:
    for action in actions(playbook):
        for command in action.command.split("&&"):
            words = shlex.split(command)
            if "lab" in words[:2]:
                _parsed(words[words.index("lab") + 1 :])


def _parsed(words: list[str]) -> None:
    # below the group, as when it is typed: click remembers of a command which options ask for help
    group = cli.make_context("lab", words, resilient_parsing=False)
    cli.commands[words[0]].make_context(words[0], words[1:], parent=group)


def test_settings_that_are_named_are_settings_of_the_services(playbook: Playbook) -> None:
    known = {
        field.alias for settings in _settings() for field in settings.model_fields.values() if field.alias is not None
    }
    named = {name for action in actions(playbook) for name in re.findall(r"env\.([A-Z_]+)=", action.command)}
    assert named <= known


def _settings() -> tuple[type, ...]:
    from ai_core_stub.settings import AiCoreSettings  # noqa: PLC0415  # this test alone needs them
    from sut.settings import SutSettings  # noqa: PLC0415

    return SutSettings, AiCoreSettings


def test_services_that_the_lab_has_not_started_are_not_set_by_it(tmp_path: Path) -> None:
    case = database.pooled(tmp_path, wait_s=0.016)
    case.is_external = True
    command = case.seen()["pool_exhausted"].advice.mitigation[0].command
    assert command.endswith("--engine external")
    assert "--target-set" not in command
