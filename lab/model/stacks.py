"""What folded stacks hold, what is made of them, and how one profile differs from another."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

WAITS = frozenset(
    {"clock_nanosleep", "nanosleep", "epoll_wait", "epoll_pwait", "poll", "ppoll", "select", "pselect", "sem_wait"}
    | {"sem_timedwait", "futex_wait", "__futex_abstimed_wait_common64", "__futex_abstimed_wait_common", "accept"}
    | {"pthread_cond_wait", "pthread_cond_timedwait", "sigwait", "sigtimedwait", "waitpid", "wait4", "accept4"}
    | {"PyThread_acquire_lock_timed"}
)
"""Native innermost calls that use no CPU: a thread found in one was about to sleep, or has just been woken."""

_NO_NAME = "0x0 ("


def innermost_named(frames: Sequence[str]) -> str:
    """Give the innermost frame (as text) that has a name, "" without any; code without one counts to what called it.

    A C library without symbols hides which of its calls a thread waits in, and not that it was asked to wait.
    """
    return next((frame for frame in reversed(frames) if not frame.startswith(_NO_NAME)), "")


class FrameKind(StrEnum):
    """What kind of code a frame runs."""

    PYTHON = "python"
    NATIVE = "native"
    KERNEL = "kernel"
    JAVASCRIPT = "javascript"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Frame:
    """One call in a stack. `words` is what a reader calls it, without its line, and what it is counted under."""

    words: str
    kind: FrameKind
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One stack and how often it was seen (a heap: how many bytes). Frames go from the outermost to the innermost.

    `pid` and `tid` are 0, `process` and `thread` "" where the profiler told neither.
    """

    frames: tuple[Frame, ...]
    count: int
    process: str = ""
    pid: int = 0
    thread: str = ""
    tid: int = 0
    idle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HotFrame:
    """How often a function was the innermost one (`own`) and how often it was on the stack at all (`total`).

    A function that calls itself counts once a stack. Shares are of the samples that were not idle.
    """

    words: str
    kind: FrameKind
    own: int
    total: int
    own_share: float
    total_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPart:
    """The samples of one process or one thread, and their share of those that were not idle."""

    name: str
    samples: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSummary:
    """What a profile comes to, the hottest functions first. Of `unnamed_share` only the library is known."""

    samples: int
    idle_samples: int
    by_own: tuple[HotFrame, ...]
    by_total: tuple[HotFrame, ...]
    processes: tuple[StackPart, ...]
    threads: tuple[StackPart, ...]
    unnamed_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameChange:
    """How the CPU seconds that a function has per request (with what it calls) differ between two profiles, B - A.

    `low_s` and `high_s` bound the difference (95 %). `p` is corrected for how many functions were compared.
    """

    words: str
    kind: FrameKind
    before_s: float
    after_s: float
    change_s: float
    low_s: float
    high_s: float
    before_samples: int
    after_samples: int
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StackDifference:
    """Two profiles held against one another: all of their CPU seconds per request, and the functions that changed.

    `changed` has those that are significant, the largest change first, out of `compared`.
    """

    before_s: float
    after_s: float
    before_samples: int
    after_samples: int
    changed: tuple[FrameChange, ...]
    compared: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlameBox:
    """A box of a flame graph: `start` and `width` as shares of the whole, `depth` from 0.

    `told` is what its tooltip says after the name. `shade` is 0, or from -4 (shrank) to 4 (grew) in a difference.
    """

    words: str
    kind: FrameKind
    depth: int
    start: float
    width: float
    told: str
    shade: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Flame:
    """What a flame graph draws; boxes in the order of depth and then of start. `hidden` says what was left out."""

    title: str
    subtitle: str
    boxes: tuple[FlameBox, ...]
    hidden: str = ""
    is_difference: bool = False
