"""Looking at each Node process of a service: at the one behind a URL, or at all of them, one after another.

All processes of a service open their inspectors on the same port, so that each is looked at for its share of the time.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from lab.errors import ProfileError
from lab.model import Subject
from lab.profilers import node_process
from lab.profilers.inspector import Session, connected, require_loopback

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One process and how long it is looked at; `stem` begins its files, `below` is its frame beside others."""

    pid: int
    seconds: float
    stem: str
    below: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked(Generic[T]):
    """What was seen of each process, and what could not be seen."""

    seen: tuple[tuple[Turn, T], ...]
    notes: tuple[str, ...]

    @property
    def note(self) -> str:
        """All notes as one text."""
        return "; ".join(self.notes)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that were looked at."""
        return tuple(turn.pid for turn, _ in self.seen)


Look = Callable[[Session, Turn], Awaitable[T]]


def why_not(subject: Subject) -> str:
    """Why a subject has no inspector that can be reached, with what to do about it; "" where it has."""
    try:
        if subject.inspector_url:
            require_loopback(subject.inspector_url)
        elif subject.pid <= 0:
            return f"{subject.service}: its process is not known here: start it with --inspect and name its URL"
        else:
            node_process.family(subject.pid)
    except ProfileError as error:
        return f"{subject.service}: {error}"
    return ""


async def look_at_each(
    subject: Subject, look: Look[T], *, seconds: float, is_ended: Callable[[], bool], answer_timeout_s: float
) -> Looked[T]:
    """Let `look` see every Node process of the subject.

    Raises ProfileError where none could be looked at; what is wrong with some of several becomes a note.
    """
    if why := why_not(subject):
        raise ProfileError(why)
    if subject.inspector_url:
        return await _at_url(subject, look, seconds, answer_timeout_s)
    members = node_process.family(subject.pid)
    seen: list[tuple[Turn, T]] = []
    notes: list[str] = []
    for member in members:
        if seen and is_ended():
            notes.append(f"process {member.pid} was not looked at: the profile was ended before its turn")
            continue
        turn = _turn(subject, member.pid, seconds, len(members))
        try:
            async with (
                node_process.opened(member, members, notes, patience_s=answer_timeout_s) as url,
                connected(url, answer_timeout_s=answer_timeout_s) as session,
            ):
                seen.append((turn, await look(session, turn)))
                notes += await _threads(session)
        except ProfileError as error:
            notes.append(str(error))
    unique = tuple(dict.fromkeys(notes))
    if not seen:
        raise ProfileError(f"{subject.service}: {'; '.join(unique)}")
    return Looked(seen=tuple(seen), notes=(*_shared(len(members), seconds), *unique))


async def _at_url(subject: Subject, look: Look[T], seconds: float, answer_timeout_s: float) -> Looked[T]:
    _require_own(subject)
    async with connected(subject.inspector_url, answer_timeout_s=answer_timeout_s) as session:
        pid = await session.evaluate("process.pid")
        turn = _turn(subject, int(pid) if isinstance(pid, int) else 0, seconds, 1)
        found = await look(session, turn)
        return Looked(seen=((turn, found),), notes=tuple(await _threads(session)))


def _require_own(subject: Subject) -> None:
    """Refuse an inspector of a Node process that is not the service's; who cannot be seen is taken at its word."""
    owner = node_process.owner_of(urlsplit(subject.inspector_url).port or 80)
    if subject.pid <= 0 or owner is None or not node_process.is_node(owner):
        return
    if not node_process.is_below(owner, subject.pid):
        raise ProfileError(
            f"{subject.service}: {subject.inspector_url} is the inspector of {node_process.named(owner)}, "
            f"not of process {subject.pid}; give each service a port of its own by --inspect=127.0.0.1:PORT"
        )


def _turn(subject: Subject, pid: int, seconds: float, count: int) -> Turn:
    if count == 1:
        return Turn(pid=pid, seconds=seconds, stem=subject.stem, below="")
    return Turn(pid=pid, seconds=seconds / count, stem=f"{subject.stem}-{pid}", below=f"node (pid {pid})")


def _shared(count: int, seconds: float) -> tuple[str, ...]:
    if count == 1:
        return ()
    share_s = seconds / count
    return (f"{count} processes share one inspector port and were looked at one after another, {share_s:.3g} s each",)


async def _threads(session: Session) -> list[str]:
    """What is not seen: worker threads have inspectors of their own inside that of their process."""
    met: list[Any] = []

    def count(name: str, parameters: dict[str, Any]) -> None:
        if name == "NodeWorker.attachedToWorker":
            met.append(parameters)

    try:
        await session.ask("NodeWorker.enable", waitForDebuggerOnStart=False, on_event=count)
        await session.ask("NodeWorker.disable", on_event=count)
    except ProfileError:
        return []
    return [f"{len(met)} worker threads were not looked at, only the main one"] if met else []
