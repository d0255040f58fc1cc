"""Folded stacks: reading them as a stream, and the functions that use most CPU, alone and with what they call."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from lab.analysis.frames import UNNAMED, is_waiting, parse_frame
from lab.errors import ProfileError
from lab.model import Frame, FrameKind, HotFrame, Stack, StackPart, StackSummary

_PROCESS = re.compile(r'^process (\d+)(?::"(?P<raw>.*)"| \((?P<name>.*)\))?$')
_THREAD = re.compile(r"^thread (?:(?P<tid>\d+)(?: \((?P<name>.*)\))?|\((?P<raw_tid>\w+)\)(?:: (?P<raw>.*))?)$")

HOTTEST = 20
"""How many functions a summary names, of each order."""


def read_folded(lines: Iterable[str]) -> Iterator[Stack]:
    """Read folded stacks, one a line: frames by `;`, a space, a count. Empty lines and counts of 0 are passed over.

    Leading frames that name processes and threads become the stack's process (the innermost one) and thread.
    Raises ProfileError with the line's number where one cannot be read.
    """
    for number, line in enumerate(lines, 1):
        text = line.strip("\r\n")
        if not text.strip():
            continue
        joined, _, count = text.rpartition(" ")
        if not joined or not count.isdecimal():
            raise ProfileError(f"line {number} of the folded stacks has no count: {text[:80]!r}; the file is damaged")
        if int(count):
            yield _stack(joined.split(";"), int(count))


def _stack(texts: list[str], count: int) -> Stack:
    pid, process, tid, thread, first = 0, "", 0, "", 0
    for first, text in enumerate(texts):  # noqa: B007  # where the frames of code begin
        if found := _PROCESS.match(text):
            pid, process = int(found[1]), found["raw"] or found["name"] or ""
        elif found := _THREAD.match(text):
            tid, thread = int(found["tid"] or found["raw_tid"], 0), found["name"] or found["raw"] or ""
        else:
            break
    else:
        first = len(texts)
    inner = texts[first:]
    return Stack(
        frames=_from_python_on(tuple(parse_frame(text) for text in inner)),
        count=count,
        process=process,
        pid=pid,
        thread=thread,
        tid=tid,
        idle=is_waiting(inner),
    )


def _from_python_on(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Leave out the native frames that start an interpreter or a thread: some looks have them, and some do not."""
    first = next((at for at, frame in enumerate(frames) if frame.kind is not FrameKind.NATIVE), 0)
    return frames[first:] if frames and frames[first].kind is FrameKind.PYTHON else frames


def summarise(stacks: Iterable[Stack], *, hottest: int = HOTTEST) -> StackSummary:
    """Say where the samples are. Stacks that wait are counted apart, and are in no share."""
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    processes: Counter[str] = Counter()
    threads: Counter[str] = Counter()
    kinds: dict[str, FrameKind] = {}
    samples = idle = 0
    for stack in stacks:
        if stack.idle:
            idle += stack.count
            continue
        samples += stack.count
        processes[_named(stack.process, stack.pid)] += stack.count
        threads[f"{_named(stack.thread, stack.tid)} of {_named(stack.process, stack.pid)}"] += stack.count
        kinds |= {frame.words: frame.kind for frame in stack.frames}
        for words in {frame.words for frame in stack.frames}:
            total[words] += stack.count
        if stack.frames:
            own[stack.frames[-1].words] += stack.count
    frames = [
        HotFrame(
            words=words,
            kind=kinds[words],
            own=own[words],
            total=count,
            own_share=own[words] / samples,
            total_share=count / samples,
        )
        for words, count in total.items()
    ]
    return StackSummary(
        samples=samples,
        idle_samples=idle,
        by_own=tuple(sorted((f for f in frames if f.own), key=lambda f: (-f.own, f.words))[:hottest]),
        by_total=tuple(sorted(frames, key=lambda f: (-f.total, f.words))[:hottest]),
        processes=_parts(processes, samples),
        threads=_parts(threads, samples),
        unnamed_share=sum(f.own_share for f in frames if f.words.startswith(UNNAMED)),
    )


def _named(name: str, number: int) -> str:
    return f"{name} ({number})" if name and number else name or (str(number) if number else "unknown")


def _parts(counts: Counter[str], samples: int) -> tuple[StackPart, ...]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(StackPart(name=name, samples=count, share=count / samples) for name, count in ordered)
