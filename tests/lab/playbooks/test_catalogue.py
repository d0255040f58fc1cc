"""Every rule has its row in the document, its stage, and evidence that fires it."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ai_core_stub.settings import AiCoreSettings
from lab.config.plans import load_plan
from lab.playbooks import RULES
from sut.settings import SutSettings
from tests.lab.playbooks.test_advice import FIRING

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def stages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("staged_playbooks", ROOT / "benchmarks" / "playbooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their annotations up
    spec.loader.exec_module(module)
    return module


def test_every_rule_is_staged_and_so_is_a_run_without_a_bottleneck(stages: ModuleType) -> None:
    assert set(stages.STAGES) == {"", *RULES}


def test_every_rule_has_evidence_that_fires_it() -> None:
    assert set(FIRING) == set(RULES)


def test_stages_set_what_services_know(stages: ModuleType) -> None:
    known = {field.alias for model in (SutSettings, AiCoreSettings) for field in model.model_fields.values()}
    named = {each.partition("env.")[2].partition("=")[0] for stage in stages.STAGES.values() for each in stage.target}
    assert named <= known


def test_the_plan_of_a_stage_is_one(stages: ModuleType, tmp_path: Path) -> None:
    for name, stage in stages.STAGES.items():
        path = tmp_path / f"{name or 'none'}.toml"
        path.write_text(stages.plan_of(stage), encoding="utf-8")
        assert load_plan(str(path)).phases[-1].duration_s == stage.seconds


def test_the_document_has_a_row_of_the_catalogue_and_one_of_the_stages_for_each() -> None:
    page = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert len(re.findall(rf"^\| `{rule}` \|", page, flags=re.MULTILINE)) == 2, rule
