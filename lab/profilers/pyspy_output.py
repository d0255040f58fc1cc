"""What py-spy prints and writes: how many samples, how many lost, why it ended; and its stacks in the lab's form. Pure.

py-spy writes `process 7:"command line";thread (7): name;function (file:line) 12`. Command lines and names of threads
come as they are, with `;` and line breaks in them, which end a frame or a stack for every other reader. Addresses of
code without a symbol differ from start to start.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lab.profilers.python_process import one_frame

_WROTE = re.compile(r"Samples: (\d+) Errors: (\d+)")
_BEHIND = re.compile(r"([\d.]+)(ms|s|m) behind in sampling")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_BEGUN = "Sampling process"
# a record begins with the outermost process; the name of a thread may hold anything but looks like no frame of code
_RECORD = re.compile(r'^process \d+:"', re.MULTILINE)
_PROCESSES = re.compile(r'process (\d+):"(.*?)"(?:;(?=process \d+:"|thread \()|$)', re.DOTALL)
_THREAD = re.compile(r"thread \((\w+)\)(?:: (.*?))?(?=;[^;]*? \([^;()]*\)(?:;| \d+\s*\Z)| \d+\s*\Z)", re.DOTALL)
_COUNT = re.compile(r" (\d+)\s*\Z")
_ADDRESS = re.compile(r"(?<![^;])0x[0-9a-fA-F]+(?= \()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What py-spy printed: `behind_s` is the longest that it said to be behind, `error` what went wrong."""

    has_begun: bool
    samples: int | None
    errors: int
    behind_s: float
    error: str


def read_told(text: str) -> Told:
    """Read what it printed so far."""
    plain = _ESCAPES.sub("", text)
    wrote = _WROTE.search(plain)
    lines = plain.splitlines()
    failed = [
        line.split(": ", 1)[-1] for line in lines if line.lower().startswith(("error", "permission denied", "reason"))
    ]
    if any(line.startswith("Permission Denied") for line in lines):
        failed = ["Permission denied"]
    units = {"ms": 0.001, "s": 1.0, "m": 60.0}
    return Told(
        has_begun=_BEGUN in plain,
        samples=int(wrote[1]) if wrote else None,
        errors=int(wrote[2]) if wrote else 0,
        behind_s=max((float(much) * units[unit] for much, unit in _BEHIND.findall(plain)), default=0.0),
        error="; ".join(failed),
    )


def folded(raw: str, name: Callable[[int, str], str]) -> Counter[str]:
    """Give the stacks of what py-spy wrote, by count; `name` names a process by its pid and command line."""
    stacks: Counter[str] = Counter()
    for record in _records(raw):
        count = _COUNT.search(record)
        if count:
            stacks[_stack(record[: count.start()], record, name)] += int(count[1])
    return stacks


def _records(raw: str) -> Iterator[str]:
    starts = [found.start() for found in _RECORD.finditer(raw)]
    if not starts:
        yield from (line for line in raw.splitlines() if line.strip())
        return
    for start, end in zip(starts, [*starts[1:], len(raw)], strict=True):
        yield raw[start:end]


def _stack(joined: str, record: str, name: Callable[[int, str], str]) -> str:
    frames, at = [], 0
    while found := _PROCESSES.match(joined, at):
        label = name(int(found[1]), found[2])
        frames.append(f"process {found[1]} ({label})" if label else f"process {found[1]}")
        at = found.end()
    if found := _THREAD.match(record, at):
        label = one_frame(found[2] or "")
        frames.append(f"thread {int(found[1], 0)} ({label})" if label else f"thread {int(found[1], 0)}")
        at = found.end() + 1
    code = _ADDRESS.sub("0x0", joined[at:])
    return ";".join([*frames, *(one_frame(frame) for frame in code.split(";") if frame.strip())])
