"""What looks into processes while they work; each profiler is one file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from lab.model import Profile, ProfileKind, Subject
from lab.profilers.node_cpu import NodeCpuProfiler
from lab.profilers.node_heap import NodeHeapProfiler, NodeHeapSnapshotter
from lab.profilers.pyspy import PySpy
from lab.profilers.python_heap import PythonHeapProfiler


class Profiler(Protocol):
    """Takes one kind of profile of one kind of program."""

    name: str

    def suits(self, subject: Subject) -> str:
        """Why it cannot be used on the subject, with what to do about it; "" where it can."""

    def take(self, subject: Subject, *, seconds: float, is_ended: Callable[[], bool]) -> Profile:
        """Look for `seconds`, or until `is_ended`, and leave files in the subject's folder.

        Raises ProfileError, which leaves no half-written file, where there is nothing to show: no permission, the
        process is gone, the disk is full, or the profiler hangs and was ended.
        """


PROFILERS: Mapping[ProfileKind, Sequence[Callable[[], Profiler]]] = {
    ProfileKind.CPU: (PySpy, NodeCpuProfiler),
    ProfileKind.HEAP: (PythonHeapProfiler, NodeHeapProfiler),
    ProfileKind.SNAPSHOT: (NodeHeapSnapshotter,),
}
"""What exists, by what is profiled: the first one that suits a service is taken."""
