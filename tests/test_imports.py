"""The direction of imports, read from the source: who may import whom (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# each part of the lab, with the parts that it may import
ALLOWED = {
    "errors": set(),
    "model": {"model"},
    "assets": set(),
    "target_guard": {"errors"},
    "threshold_metrics": set(),
    "thresholds": {"errors", "model", "threshold_metrics"},
    "processes": {"errors", "model"},
    "containers": {"errors", "model", "processes"},
    "rundir": {"errors", "model"},
    "database": {"errors", "model"},
    "provenance": {"errors", "model", "__init__"},
    "config": {"assets", "errors", "model", "thresholds", "threshold_metrics", "config", "target_guard"},
    "analysis": {"errors", "model", "thresholds", "threshold_metrics", "analysis"},
    "report": {"errors", "model", "thresholds", "threshold_metrics", "report"},
    "playbooks": {"errors", "model", "thresholds", "threshold_metrics", "analysis", "report", "playbooks"},
    "engines": {"assets", "errors", "model", "processes", "containers", "engines", "target_guard", "__init__"},
    "load": {"assets", "errors", "model", "processes", "containers", "load", "target_guard"},
    "profilers": {"errors", "model", "processes", "containers", "profilers", "target_guard"},
    "collectors": {"errors", "model", "processes", "rundir", "collectors"},
    "profiling": {"errors", "model", "containers", "profilers", "rundir", "run_lock", "analysis", "report"},
    "profile_diff": {"errors", "model", "rundir", "analysis", "report"},
    "compared_runs": {"errors", "model", "rundir", "profile_diff", "ab", "sides"},
    "doctor": {"errors", "model", "processes", "doctor_containers", "engines", "load"},
    "doctor_containers": {"assets", "errors", "model", "containers"},
    "run_lock": {"errors"},
    "request_trail": {"errors", "model", "config", "rundir", "collectors", "analysis"},
    "looking": {"errors", "model", "rundir", "analysis", "profilers", "profiling"},
    "driving": {"errors", "model", "rundir", "analysis", "load", "collectors", "engines", "looking"},
    "openmetrics": {"model", "analysis"},
    "replay": {"errors", "model", "processes", "containers", "rundir", "collectors"},
    "watching": {"errors", "model", "rundir", "database", "containers", "load", "collectors"},
    "stress": {"model", "analysis", "collectors", "load", "driving"},
    "run": {
        "errors",
        "model",
        "analysis",
        "looking",
        "config",
        "processes",
        "rundir",
        "provenance",
        "database",
        "load",
        "collectors",
        "engines",
        "driving",
        "stress",
        "watching",
    },
    "noise": {"model", "config", "rundir", "analysis"},
    "preparing": {
        "errors",
        "model",
        "config",
        "provenance",
        "noise",
        "engines",
        "load",
        "run",
        "target_guard",
    },
    "worktrees": {"errors"},
    "locked_python": {"errors", "processes"},
    "sides": {
        "assets",
        "errors",
        "model",
        "config",
        "engines",
        "rundir",
        "driving",
        "run",
        "conclude",
        "preparing",
        "worktrees",
        "locked_python",
    },
    "ab": {"errors", "model", "analysis", "rundir", "comparing", "sides"},
    "ab_opening": {"errors", "model", "config", "engines", "rundir", "run", "preparing", "sides", "ab"},
    "bisecting": {
        "errors",
        "model",
        "thresholds",
        "rundir",
        "config",
        "engines",
        "run",
        "analysis",
        "worktrees",
        "sides",
        "preparing",
        "comparing",
        "report",
        "bisecting",
    },
    "bisect": {"errors", "model", "report", "bisecting"},
    "resume": {"errors", "model", "config", "rundir", "conclude"},
    "presenting": {"model", "analysis", "report", "request_trail", "rundir"},
    "comparable": {"model", "provenance"},
    "comparing": {"errors", "model", "rundir", "analysis", "comparable", "conclude"},
    "history": {"errors", "model", "provenance", "rundir", "analysis", "report"},
    "capacity": {"errors", "model", "rundir", "analysis", "conclude"},
    "repeating": {"errors", "model", "config", "rundir", "conclude", "comparable", "resume"},
    "pack_places": {"assets", "config", "rundir"},
    "packing": {"errors", "model", "rundir", "collectors", "conclude", "pack_places", "__init__"},
    "unpacking": {"errors", "model", "rundir", "packing"},
    "conclude": {
        "errors",
        "presenting",
        "openmetrics",
        "model",
        "config",
        "processes",
        "rundir",
        "load",
        "collectors",
        "analysis",
        "playbooks",
        "report",
    },
}
EVERYTHING = {"cli", "__main__", "__init__"}


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every module that a file imports, with what it takes from a package as `package.name`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part_of(path: Path) -> str:
    return path.relative_to(ROOT / "lab").parts[0].removesuffix(".py")


def lab_parts(path: Path) -> set[str]:
    taken = {name.split(".")[1] for name in imported(path) if name.startswith("lab.")}
    return {
        name if (ROOT / "lab" / name).is_dir() or (ROOT / "lab" / f"{name}.py").is_file() else "__init__"
        for name in taken
    }


@pytest.mark.parametrize("path", sources("lab"), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    part = part_of(path)
    if part in EVERYTHING:
        return
    assert part in ALLOWED, f"lab/{part} has no place in the architecture yet: give it one here and in the docs"
    assert lab_parts(path) <= ALLOWED[part]


@pytest.mark.parametrize(
    ("package", "others"),
    [
        ("lab", {"sut", "ai_core_stub", "service_kit"}),
        ("sut", {"lab", "ai_core_stub"}),
        ("ai_core_stub", {"lab", "sut"}),
        ("service_kit", {"lab", "sut", "ai_core_stub"}),
    ],
)
def test_the_lab_and_the_services_know_nothing_of_one_another(package: str, others: set[str]) -> None:
    taken = {name.split(".")[0] for path in sources(package) for name in imported(path)}
    assert not taken & others


PRINTS = {"print", "input", "breakpoint"}


@pytest.mark.parametrize("path", sources("lab"), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_prints(path: Path) -> None:
    if part_of(path) == "cli":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & PRINTS
