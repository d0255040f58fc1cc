"""The compose file and what the images install, as far as they can be read without an engine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SERVICES = {"mongo", "ai_core", "backend", "prometheus", "grafana", "k6"}


def blocks() -> dict[str, str]:
    """The text of each service."""
    parts = re.split(
        r"^  (\w+):\n", COMPOSE.partition("\nservices:\n")[2].partition("\nvolumes:\n")[0], flags=re.MULTILINE
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def pins(lock: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+==\S+)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_every_service_is_there_and_hardened() -> None:
    assert blocks().keys() == SERVICES
    assert [name for name, text in blocks().items() if "<<: *hardened" not in text] == []
    hardened = COMPOSE.partition("x-hardened:")[2].partition("\nservices:")[0]
    for wanted in ("cap_drop: [ALL]", "no-new-privileges:true", "read_only: true", 'restart: "no"', "max-size"):
        assert wanted in hardened


def test_ports_are_published_on_this_machine_alone() -> None:
    published = re.findall(r"ports: \[(.*?)\]", COMPOSE)
    assert len(published) == len(SERVICES) - 1  # k6 listens on none
    assert [ports for ports in published if not ports.startswith('"127.0.0.1:')] == []


def test_images_have_exact_tags_and_no_registry() -> None:
    images = re.findall(r"image: (\S+)", COMPOSE)
    assert len(images) == len(SERVICES)
    for image in images:
        name, _, tag = image.partition(":")
        exact = r"v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?"
        assert re.fullmatch(rf"{exact}|\$\{{LAB_IMAGE_TAG:-local\}}", tag), image
        assert "." not in name, image


def test_a_check_that_passes_is_rare() -> None:
    """An exec a second costs a good part of a core, and nothing of that is there to be measured."""
    for name, text in blocks().items():
        if name != "k6":
            assert "[ ! -e /tmp/.healthy ] || sleep 20" in text, name
            assert "touch /tmp/.healthy" in text, name
            assert 'tmpfs: ["/tmp:size=' in text, name  # where the mark is put, on a read-only system


def test_only_profiling_may_look_into_processes() -> None:
    assert "cap_add" not in COMPOSE
    profiling = (ROOT / "compose.profiling.yaml").read_text(encoding="utf-8")
    assert re.findall(r"cap_add: \[(.*?)\]", profiling) == ["SYS_PTRACE, DAC_OVERRIDE"]
    beside = profiling.partition("x-beside:")[2].partition("\nservices:")[0]
    for wanted in ("cap_drop: [ALL]", "no-new-privileges:true", "read_only: true", "network_mode: none"):
        assert wanted in beside
    assert re.findall(r"^  profile-(\w+):\n    <<: \*beside\n", profiling, flags=re.MULTILINE) == ["ai_core", "backend"]
    assert re.findall(r"pid: service:(\w+)", profiling) == ["ai_core", "backend"]


def test_no_password_stands_in_the_file() -> None:
    for name in ("LAB_MONGO_PASSWORD", "LAB_TOKEN_SECRET", "LAB_GRAFANA_PASSWORD"):
        assert f"${{{name}:?" in COMPOSE
    assert not re.search(r"PASSWORD: (?!\$\{)|SECRET: (?!\$\{)", COMPOSE)


@pytest.mark.parametrize("service", ["sut", "ai_core_stub"])
def test_an_image_installs_what_the_projects_lock_pins(service: str) -> None:
    own = pins(ROOT / service / "requirements.lock")
    wanted = {
        line for line in (ROOT / service / "requirements.in").read_text().splitlines() if not line.startswith("#")
    }
    assert len(wanted) > 8
    assert wanted <= {pin.partition("==")[0] for pin in own}
    assert own <= pins(ROOT / "requirements.lock")
    assert "://" not in (ROOT / service / "requirements.lock").read_text(encoding="utf-8")


@pytest.mark.needs("hadolint")
@pytest.mark.parametrize("service", ["sut", "ai_core_stub"])
def test_a_dockerfile_is_as_its_linter_wants_it(service: str) -> None:
    argv = [
        str(Path(sys.executable).parent / "hadolint"),
        "--no-color",
        "--failure-threshold",
        "style",
        ROOT / service / "Dockerfile",
    ]
    checked = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize("service", ["sut", "ai_core_stub"])
def test_an_image_is_slim_made_in_stages_and_runs_as_nobody_in_particular(service: str) -> None:
    text = (ROOT / service / "Dockerfile").read_text(encoding="utf-8")
    assert "# syntax=" not in text  # engine 20.10 would fetch it
    assert re.findall(r"^FROM (.*)$", text, flags=re.MULTILINE) == ["${PYTHON_IMAGE} AS packages", "${PYTHON_IMAGE}"]
    assert "--require-hashes" in text
    assert text.index("USER 10001:10001") < text.index("ENTRYPOINT")
