"""Where a Node process spends its time: V8's own CPU profile, taken through the inspector."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson

from lab.model import Profile, ProfileKind, Subject
from lab.profilers import drafts, v8_profile
from lab.profilers.inspector import ANSWER_TIMEOUT_S, Session
from lab.profilers.node_turns import Looked, Turn, look_at_each, why_not

INTERVAL_US = 10_000
"""How often V8 looks at the stack: as py-spy does. V8's own default, ten times as often, costs half as much again."""


class NodeCpuProfiler:
    """Leaves a `.cpuprofile` for each process, which Chrome and VS Code open, and the folded stacks of all of them."""

    name = "node-cpu"

    def __init__(
        self,
        *,
        interval_us: int = INTERVAL_US,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        stop_timeout_s: float = 60.0,
    ) -> None:
        """Look every `interval_us`; a process has `stop_timeout_s` to put its profile together."""
        self._interval_us = interval_us
        self._answer_timeout_s = answer_timeout_s
        self._stop_timeout_s = stop_timeout_s

    def suits(self, subject: Subject) -> str:
        """Why it cannot be used on the subject, with what to do about it; "" where it can."""
        return why_not(subject)

    def take(self, subject: Subject, *, seconds: float, is_ended: Callable[[], bool]) -> Profile:
        """Profile for `seconds`, or until `is_ended`. Raises ProfileError, and leaves no file, where there is none."""

        async def look(session: Session, turn: Turn) -> dict[str, Any]:
            return await self._profile(session, turn.seconds, is_ended)

        started_at = time.time()
        looked = asyncio.run(
            look_at_each(subject, look, seconds=seconds, is_ended=is_ended, answer_timeout_s=self._answer_timeout_s)
        )
        return self._kept(subject, looked, started_at)

    async def _profile(self, session: Session, seconds: float, is_ended: Callable[[], bool]) -> dict[str, Any]:
        await session.ask("Profiler.enable")
        await session.ask("Profiler.setSamplingInterval", interval=self._interval_us)
        await session.ask("Profiler.start")
        await session.listen(seconds, is_ended)
        stopped = await session.ask("Profiler.stop", timeout_s=self._stop_timeout_s)
        profile: dict[str, Any] = stopped["profile"]
        return profile

    def _kept(self, subject: Subject, looked: Looked[dict[str, Any]], started_at: float) -> Profile:
        ended_at = time.time()
        stacks = "".join(
            v8_profile.folded(v8_profile.cpu_stacks(profile), below=turn.below) for turn, profile in looked.seen
        )
        files = [
            ("folded", f"{subject.stem}-cpu.folded", stacks.encode()),
            *(("cpuprofile", f"{turn.stem}-cpu.cpuprofile", orjson.dumps(profile)) for turn, profile in looked.seen),
        ]
        profiles = [profile for _, profile in looked.seen]
        return Profile(
            kind=ProfileKind.CPU,
            service=subject.service,
            profiler=self.name,
            pids=looked.pids,
            started_at=started_at,
            ended_at=ended_at,
            rate_hz=1e6 / self._interval_us,
            samples=sum(len(profile["samples"]) for profile in profiles),
            lost=sum(v8_profile.lost_samples(profile, interval_us=self._interval_us) for profile in profiles),
            files=drafts.write_all(subject.folder, files),
            note=looked.note,
        )
