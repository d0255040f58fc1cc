"""Whether runs can be compared: what must be the same in them, what may differ on purpose, and what does not fit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab import provenance
from lab.model import OBSERVERS

Record = Mapping[str, Any]
"""What `run.json` holds."""

_DATABASE = "mongo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """In what two sides differ: `on_purpose`, which is what is compared, `forbidden`, and what is only to be known."""

    on_purpose: tuple[str, ...]
    forbidden: tuple[str, ...]
    notes: tuple[str, ...]


def differences(base: Sequence[Record], candidate: Sequence[Record], *, under_test: Sequence[str]) -> Differences:
    """Say in what the runs of two sides differ, a sentence each; within a side they must not differ at all.

    The code under test may differ: commits, the versions of the services that are measured, their images. `under_test`
    names what else is compared: `settings`, `target`, `versions`. Everything else is the yardstick: scenario, plan,
    seed, machine, engine, versions.
    """
    first = base[0]
    allowed: list[str] = []
    found: list[str] = []
    for side, runs in (("base", base[1:]), ("candidate", candidate)):
        for run in runs:
            purpose, forbidden = _between(first, run, under_test if side == "candidate" else ())
            allowed += purpose if side == "candidate" else ()
            found += forbidden if side == "candidate" else [*purpose, *forbidden]
    found += _seeds(base, candidate)
    return Differences(
        on_purpose=tuple(dict.fromkeys(allowed)),
        forbidden=tuple(dict.fromkeys(found)),
        notes=(
            *dict.fromkeys(note for run in (*base, *candidate) for note in _notes(run)),
            *_yardsticks((*base, *candidate)),
        ),
    )


def _between(one: Record, two: Record, under_test: Sequence[str]) -> tuple[list[str], list[str]]:
    purpose: list[str] = []
    forbidden: list[str] = []
    if dict(one["scenario"]) != dict(two["scenario"]):
        forbidden.append(_was("the scenario", one["scenario"]["name"], two["scenario"]["name"]))
    forbidden += [f"the plan's {sentence}" for sentence in _of_plans(one["plan"], two["plan"])]
    if one["target"] != two["target"]:
        (purpose if "target" in under_test else forbidden).append(_was("the target", one["target"], two["target"]))
    settings = [dict.fromkeys(record["environment"].get("overrides") or ()) for record in (one, two)]
    if settings[0] != settings[1]:
        told = _was("what was set", *(", ".join(own) or "nothing" for own in settings))
        (purpose if "settings" in under_test else forbidden).append(told)
    system = _system(one) | _system(two)
    for sentence in provenance.differences(one["provenance"], two["provenance"]):
        is_own = sentence.partition(" was ")[0] in system or "versions" in under_test
        (purpose if is_own else forbidden).append(sentence)
    purpose += _of_code(one, two)
    images, limits = _of_engines(one["provenance"], two["provenance"], system)
    return purpose + images, forbidden + limits


def _was(what: str, before: str, after: str) -> str:
    return f"{what} was {before}, and is {after}"


def _system(record: Record) -> set[str]:
    """Name the services that are measured; the database is part of the yardstick."""
    return {service["name"] for service in record["environment"]["services"]} - {*OBSERVERS, _DATABASE}


def _of_code(one: Record, two: Record) -> list[str]:
    codes = [_served(record) or _code(record) for record in (one, two)]
    return [_was("the commit", *codes)] if codes[0] != codes[1] else []


def _served(record: Record) -> str:
    """Name the commit whose services were brought up from a worktree; "" where they are the running checkout's."""
    return str((record.get("side") or {}).get("commit") or "")[:12]


def _yardsticks(runs: Sequence[Record]) -> list[str]:
    """Say where the running checkout changed between runs of services that are not its own: people work in it."""
    codes = list(dict.fromkeys(_code(run) for run in runs if _served(run)))
    return (
        [f"the checkout that drives and measures has changed meanwhile: {', then '.join(codes)}"] if codes[1:] else []
    )


def _code(record: Record) -> str:
    code = record["provenance"].get("code") or {}
    return f"{str(code.get('commit') or 'unknown')[:12]}{' with changes' if code.get('dirty') else ''}"


def _of_engines(one: Record, two: Record, system: set[str]) -> tuple[list[str], list[str]]:
    engines = [dict(record.get("engine") or {}) for record in (one, two)]
    images: list[str] = []
    forbidden: list[str] = []
    for name in sorted({*engines[0].get("images", {}), *engines[1].get("images", {})} - {*OBSERVERS}):
        ids = [dict(engine.get("images", {}).get(name) or {}) for engine in engines]
        if ids[0].get("id") != ids[1].get("id"):
            told = _was(f"the image of {name}", *(f"{of.get('image', 'none')} ({_short(of)})" for of in ids))
            (images if name in system else forbidden).append(told)
    limits = [dict(engine.get("limits") or {}) for engine in engines]
    if limits[0] != limits[1]:
        forbidden.append(_was("what services are held to", *(str(held or "nothing") for held in limits)))
    return images, forbidden


def _short(image: Mapping[str, Any]) -> str:
    return str(image.get("id", "")).removeprefix("sha256:")[:12] or "unknown"


def _of_plans(one: Any, two: Any, where: str = "") -> Iterator[str]:
    """Give a sentence for each key that differs; seeds are looked at by themselves, and a plan's name is no matter."""
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        for key in sorted({*one, *two}):
            if where or key not in {"seed", "name", "description"}:
                yield from _of_plans(one.get(key), two.get(key), f"{where}.{key}" if where else key)
    elif isinstance(one, Sequence) and isinstance(two, Sequence) and not isinstance(one, str):
        if len(one) != len(two):
            yield f"{where} were {len(one)}, and are {len(two)}"
        for number, (before, after) in enumerate(zip(one, two, strict=False)):
            yield from _of_plans(before, after, f"{where}[{number}]")
    elif one != two:
        yield f"{where} was {_text(one)}, and is {_text(two)}"


def _text(value: Any) -> str:
    return "not there" if value is None else str(value)


def _seeds(base: Sequence[Record], candidate: Sequence[Record]) -> list[str]:
    """Seeds make users and datasets: each side must have used the same, each as often."""
    seeds = [sorted(run["seed"] for run in side) for side in (base, candidate)]
    each = [dict.fromkeys(side) for side in seeds]
    if each[0] == each[1]:
        return []
    return [_was("the seed", *(", ".join(map(str, side)) for side in each))]


def _notes(record: Record) -> Iterator[str]:
    run = record["run_id"]
    if record["state"] != "finished":
        yield f"{run} was interrupted: it is compared as far as it goes"
    if record.get("resumes"):
        yield f"{run} was interrupted and went on later"
