"""The machine and the processes on it, from psutil and /proc."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil

from lab.collectors import Reading

_PRESSURE = Path("/proc/pressure")
_SOCKETS = Path("/proc/net/sockstat")
_OF_MEMBERS = (
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_sockets",
    "process_threads",
    "process_voluntary_context_switches_total",
    "process_involuntary_context_switches_total",
    "process_read_bytes_total",
    "process_written_bytes_total",
)
"""What is added up over the processes of a family."""

_UNIQUE_EVERY_S = 10.0
"""How often the memory that a process shares with nobody is asked for: the kernel walks all of its pages for it."""


class HostCollector:
    """CPU (busy and steal ratios over the last interval), memory, swap, pressure, network and disk of the machine."""

    name = "host"

    def __init__(self, disk: Path | None = None) -> None:
        """Watch the machine, and the free space of the disk that holds the folder `disk`."""
        self._disk = disk
        self._clock_offset_s = time.time() - time.monotonic()  # a clock that is set while a run goes on moves it
        psutil.cpu_times_percent(None)  # the first call has no interval to speak of
        psutil.cpu_times_percent(None, percpu=True)

    def sample(self) -> Iterable[Reading]:
        """Read the machine once: ratios are 0 to 1, sizes bytes, `_total` counts since boot."""
        cpu = psutil.cpu_times_percent(None)
        memory = psutil.virtual_memory()
        yield Reading("host_cpu_ratio", "", 1 - (cpu.idle + getattr(cpu, "iowait", 0.0)) / 100)
        yield Reading("host_cpu_steal_ratio", "", getattr(cpu, "steal", 0.0) / 100)
        yield Reading("host_cpu_iowait_ratio", "", getattr(cpu, "iowait", 0.0) / 100)
        yield from _cores()
        yield Reading("host_memory_available_bytes", "", memory.available)
        yield Reading("host_memory_total_bytes", "", memory.total)
        swap = psutil.swap_memory()
        yield Reading("host_swap_used_bytes", "", swap.used)
        yield Reading("host_swap_in_bytes_total", "", swap.sin)
        yield Reading("host_swap_out_bytes_total", "", swap.sout)
        yield Reading("host_clock_offset_seconds", "", time.time() - time.monotonic() - self._clock_offset_s)
        yield from _frequency()
        yield from _time_wait()
        if self._disk is not None:
            yield Reading("host_disk_free_bytes", "", shutil.disk_usage(self._disk).free)
        yield from _input_output()
        yield from _pressure()


def _cores() -> Iterator[Reading]:
    for core, cpu in enumerate(psutil.cpu_times_percent(None, percpu=True)):
        busy = 1 - (cpu.idle + getattr(cpu, "iowait", 0.0)) / 100
        yield Reading("host_cpu_core_ratio", f"core={core}", busy)
        yield Reading("host_cpu_core_steal_ratio", f"core={core}", getattr(cpu, "steal", 0.0) / 100)


def _input_output() -> Iterator[Reading]:
    network = psutil.net_io_counters()
    yield Reading("host_network_sent_bytes_total", "", network.bytes_sent)
    yield Reading("host_network_received_bytes_total", "", network.bytes_recv)
    yield Reading("host_network_dropped_packets_total", "", network.dropin + network.dropout)
    disk = psutil.disk_io_counters()
    if disk is not None:  # a container may see none
        yield Reading("host_disk_read_bytes_total", "", disk.read_bytes)
        yield Reading("host_disk_written_bytes_total", "", disk.write_bytes)
        yield Reading("host_disk_operations_total", "kind=read", disk.read_count)
        yield Reading("host_disk_operations_total", "kind=write", disk.write_count)
        yield Reading("host_disk_busy_seconds_total", "", getattr(disk, "busy_time", 0) / 1000)


def _frequency() -> Iterator[Reading]:
    with contextlib.suppress(OSError, NotImplementedError):  # virtual machines may not tell
        frequency = psutil.cpu_freq()
        if frequency is not None and frequency.current:
            yield Reading("host_cpu_frequency_hertz", "", frequency.current * 1e6)


def _time_wait() -> Iterator[Reading]:
    with contextlib.suppress(OSError, ValueError):
        for line in _SOCKETS.read_text(encoding="ascii").splitlines():
            words = line.split()
            if words[:1] == ["TCP:"] and "tw" in words:
                yield Reading("host_tcp_time_wait", "", float(words[words.index("tw") + 1]))


def _pressure() -> Iterator[Reading]:
    for resource in ("cpu", "io", "memory"):
        with contextlib.suppress(OSError):  # kernels without PSI
            some = (_PRESSURE / resource).read_text(encoding="ascii").splitlines()[0]
            fields = dict(part.split("=") for part in some.split()[1:])
            yield Reading("host_pressure_ratio", f"resource={resource}", float(fields["avg10"]) / 100)


class ProcessCollector:
    """CPU seconds, memory, files, threads and start time of each watched process, its children added to it.

    A child that is watched under another name, such as k6 beside the lab that started it, counts there alone.
    """

    name = "processes"

    def __init__(self, pids: dict[str, int], *, clock: Callable[[], float] = time.monotonic) -> None:
        """Watch `pids` by service name. The list of a process's children is read anew every five seconds."""
        self._clock = clock
        self._families: dict[str, tuple[float, list[psutil.Process]]] = {}
        self._unique: dict[str, tuple[float, int | None]] = {}
        self._pids = dict(pids)

    def watch(self, service: str, pid: int | None) -> None:
        """Watch this pid under this name from now on; None ends it."""
        if pid == self._pids.get(service):
            return
        if pid is None:
            self._pids.pop(service, None)
        else:
            self._pids[service] = pid
        self._families.clear()  # who belongs to whom has changed

    def sample(self) -> Iterable[Reading]:
        """Read every watched process once; one that has ended gives nothing."""
        for service, pid in tuple(self._pids.items()):
            with contextlib.suppress(psutil.Error):
                family = self._family(service, pid)
                yield from _family_readings(service, family)
                unique = self._unique_bytes(service, family)
                if unique is not None:
                    yield Reading("process_unique_memory_bytes", f"service={service}", unique)

    def _unique_bytes(self, service: str, family: list[psutil.Process]) -> int | None:
        """Give what a family has of memory that it shares with nobody, as of the last ten seconds; None: unknown."""
        read_at, unique = self._unique.get(service, (float("-inf"), None))
        if self._clock() - read_at > _UNIQUE_EVERY_S:
            parts = [part for member in family if (part := _unique_of(member.pid)) is not None]
            unique = sum(parts) if parts else None
            self._unique[service] = (self._clock(), unique)
        return unique

    def _family(self, service: str, pid: int) -> list[psutil.Process]:
        read_at, family = self._families.get(service, (float("-inf"), []))
        if not family or family[0].pid != pid or not family[0].is_running() or self._clock() - read_at > 5.0:
            family = _family_of(psutil.Process(pid), others={*self._pids.values()} - {pid})
            self._families[service] = (self._clock(), family)
        return family


def _family_of(leader: psutil.Process, others: set[int]) -> list[psutil.Process]:
    """Give a process and its descendants, but for those that are watched for themselves, and theirs."""
    family = {leader.pid: leader}
    for child in leader.children(recursive=True):  # parents come before their children
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.pid not in others and child.ppid() in family:
                family[child.pid] = child
    return list(family.values())


def _family_readings(service: str, family: list[psutil.Process]) -> list[Reading]:
    leader, *children = family
    members = [_of_member(leader)]
    for child in children:
        with contextlib.suppress(psutil.Error):  # it has just ended, or belongs to somebody else
            members.append(_of_member(child))
    labels = f"service={service}"
    totals = [sum(values) for values in zip(*members, strict=True)]
    return [
        *(Reading(metric, labels, total) for metric, total in zip(_OF_MEMBERS, totals, strict=True)),
        Reading("process_start_time_seconds", labels, leader.create_time()),
    ]


def _of_member(member: psutil.Process) -> tuple[float, ...]:
    """Give what a process has of each of _OF_MEMBERS. Raises psutil.Error."""
    with member.oneshot():
        times, own = member.cpu_times(), _open_files(member.pid)
        sockets = sum(name.startswith("socket:") for name in own)
        switches, moved = member.num_ctx_switches(), _moved(member)
        return (
            times.user + times.system,
            member.memory_info().rss,
            len(own),
            sockets,
            member.num_threads(),
            switches.voluntary,
            switches.involuntary,
            *moved,
        )


def _moved(member: psutil.Process) -> tuple[int, int]:
    """Give the bytes that a process had read from disks and written to them. Raises psutil.NoSuchProcess."""
    try:
        moved = member.io_counters()
    except (psutil.AccessDenied, AttributeError):  # of another user; a system that does not tell
        return 0, 0
    return moved.read_bytes, moved.write_bytes


def _unique_of(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:  # it has ended, belongs to another user, or the system does not tell
        return None
    sizes = (line.split() for line in text.splitlines() if line.startswith("Private_"))
    return sum(int(words[1]) * 1024 for words in sizes)


def _open_files(pid: int) -> list[str]:
    """Give what each open file of a process is; a file that is closed meanwhile is left out. Raises psutil.Error."""
    names = []
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    names.append(os.readlink(entry.path))  # noqa: PTH115  # Path takes twice the time
    except PermissionError as error:  # of another user, or an ended process that nobody has waited for
        raise psutil.AccessDenied(pid) from error
    except OSError as error:
        raise psutil.NoSuchProcess(pid) from error
    return names
