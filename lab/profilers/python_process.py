"""Python processes of a service: which there are, their names, the CPU that they used, and who may look into them."""

import contextlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from lab.errors import ProfileError

_YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")
_CAP_SYS_PTRACE = 19
_LONGEST_NAME = 60

WAYS_TO_BE_ALLOWED = (
    "run the lab as root (`sudo`), or give the right to the profiler alone "
    "(`sudo setcap cap_sys_ptrace+ep $(which py-spy)`), "
    "or allow it for your own processes until the next boot (`sudo sysctl kernel.yama.ptrace_scope=0`); "
    "where the lab itself is in a container, give that one the capability SYS_PTRACE"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What decides who may look into a process: `scope` is Yama's (0: whoever has the same user)."""

    is_capable: bool
    uid: int
    scope: int


def own_rights(program: Path | None = None) -> Rights:
    """Give the rights of this process, or of a program that has the capability of its own."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    capable = bool(found and int(found[1], 16) >> _CAP_SYS_PTRACE & 1) or _has_capability(program)
    try:
        scope = int(_YAMA.read_text(encoding="ascii"))
    except (OSError, ValueError):
        scope = 0  # the kernel has no Yama, and the classic rule holds
    return Rights(is_capable=capable, uid=os.geteuid(), scope=scope)


def _has_capability(program: Path | None) -> bool:
    if program is None:
        return False
    try:
        # vfs_cap_data: magic with flags, then the permitted set's lower half, little-endian
        value = os.getxattr(program, "security.capability")
    except OSError:
        return False
    return bool(int.from_bytes(value[4:8], "little") >> _CAP_SYS_PTRACE & 1)


def why_not_allowed(pid: int, *, owner_uid: int, rights: Rights) -> str:
    """Why a profiler that the lab starts may not look into a process, with what to do; "" where it may.

    Yama 1 lets only a parent look, which the profiler is not; 2 only who has SYS_PTRACE; 3 no one (man 2 ptrace).
    """
    if rights.scope >= 3:
        return f"this kernel lets no one look into process {pid} (ptrace_scope 3), until it is booted otherwise"
    if rights.is_capable:
        return ""
    if owner_uid != rights.uid:
        return f"process {pid} belongs to another user, and may not be looked into; {WAYS_TO_BE_ALLOWED}"
    if rights.scope:
        return (
            f"this kernel lets no neighbour look into process {pid} (ptrace_scope {rights.scope}); {WAYS_TO_BE_ALLOWED}"
        )
    return ""


def family(pid: int) -> list[psutil.Process]:
    """Give the Python processes among `pid` and those below it. Raises ProfileError where there is none."""
    try:
        first = psutil.Process(pid)
        if first.status() == psutil.STATUS_ZOMBIE:
            raise ProfileError(f"process {pid} has ended; `lab status` shows what runs")
        members = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess as error:
        raise ProfileError(f"process {pid} has ended; `lab status` shows what runs") from error
    found = [member for member in members if is_python(member)]
    if not found:
        raise ProfileError(
            f"process {pid} ({name_of(first)}) is not Python, nor is one below it; py-spy reads Python only"
        )
    return found


def is_python(process: psutil.Process) -> bool:
    """Whether a process runs Python, by the name of its program or by the library that it has loaded."""
    try:
        if re.match(r"(python|pypy)[\d.]*t?$", Path(process.exe()).name):
            return True
        return "libpython" in Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8", errors="replace")
    except psutil.AccessDenied:
        # the program of another user's process cannot be read, and what it is allowed is said later
        return "python" in process.name()
    except (psutil.Error, OSError):
        return False


def name_of(process: psutil.Process) -> str:
    """Give a short name for a process; see `short_name`."""
    with contextlib.suppress(psutil.Error):
        return short_name(process.cmdline()) or process.name()
    return "ended"


def short_name(words: list[str]) -> str:
    """Name a command line: the program with its script or module; no options and values, which can hold secrets."""
    if not words:
        return ""
    what = ""
    for at, word in enumerate(words[1:], 1):
        if word in ("-m", "-c"):
            what = _inline(word, words[at + 1 :])
            break
        if not word.startswith("-"):
            what = Path(word).name
            break
    return one_frame(f"{Path(words[0]).name} {what}".strip())[:_LONGEST_NAME]


def _inline(option: str, rest: list[str]) -> str:
    if option == "-m":
        return f"-m {rest[0]}" if rest else ""
    # such as the workers of multiprocessing, whose code begins with what they are
    found = re.search(r"\b(?:from|import) ([\w.]+)", " ".join(rest))
    return f"-c {found[1]}" if found else "-c"


def one_frame(text: str) -> str:
    """Give a text that can stand in a folded stack: on one line, and without what separates frames."""
    return " ".join(text.replace(";", ":").split())


def cpu_seconds(pid: int) -> float | None:
    """Give the CPU seconds so far of `pid` and all below it; None when it has ended.

    Those of a child that ended are with the process that waited for it.
    """
    try:
        first = psutil.Process(pid)
        total = sum(first.cpu_times()[:4])
        for member in first.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                total += sum(member.cpu_times()[:4])
    except psutil.Error:
        return None
    return total


def wake(pids: Iterable[int]) -> None:
    """Let processes go on that a profiler left stopped, because it was killed between stopping and freeing them."""
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP):
                process.resume()


def lives(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def owner_of(process: psutil.Process) -> int:
    """Give the user who owns a process; of one that has ended, this one's, since it is said elsewhere that it ended."""
    try:
        return process.uids().effective
    except psutil.Error:
        return os.geteuid()
