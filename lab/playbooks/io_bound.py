"""Processes wait for the disk, or packets are lost on the network."""

from lab.model import Action, Advice, Sign, Symptom
from lab.playbooks.affected import ANALYSES, CAPACITY, ERRORS, LATENCY
from lab.playbooks.case import Case, Stretch
from lab.playbooks.looking import Question, look
from lab.playbooks.scene import Scene
from lab.report.figures import percent, three_digits

_PRESSURE = 0.1
"""The share of the time in which something may wait for the disk (Linux' pressure stall information, `some`)."""

_BUSY = 0.6
_IOWAIT = 0.05
_DROPS_PER_S = 1.0


class IoBound:
    """Measures pressure on the disk and lost packets, each against its limit."""

    title = "The disk or the network is the limit"
    relieves = (*LATENCY, *ANALYSES, *ERRORS, *CAPACITY, "host_disk", "host_network", "host_pressure", "mongodb_")
    needs = (("host", "host_pressure_ratio"),)

    def look(self, case: Case) -> Symptom | None:
        """Find the stretch of load in which it explains most."""
        return look(
            case,
            Question(
                measure=lambda part: _excess(case, part),
                limit=1.0,
                explained=lambda part: _explained(case, part),
                signs=lambda part, _value: _signs(case, part),
                is_of_system=False,
            ),
        )

    def advice(self, scene: Scene) -> Advice:
        """Say what to do."""
        pressure, written = percent(_pressure(scene.case, scene.part)), _told(_written(scene.case, scene.part))
        drops, whose = _told(_drops(scene.case, scene.part)), _whose(scene)
        return Advice(
            cause=f"Something waited for the disk {pressure} of the time while {written} MB/s were written ({whose}), "
            f"and {drops} packets a second were lost.",
            confirm=(
                scene.report(f"What services used, while {whose}"),
                Action(text="While load is on, by process (of the package sysstat)", command="pidstat -d 1"),
            ),
            mitigation=(
                Action(text="End what else writes to the same disk: backups, copies, logs at debug level"),
                Action(text="Put the database on a disk of its own", command="LAB_HOME=/another/disk lab up"),
            ),
            fix=(
                Action(
                    text="Write less, or less often (group commits, compress, log less), or take a disk that bears "
                    f"twice the {written} MB/s that there were"
                ),
                Action(
                    text=f"Where packets are lost ({drops} a second): longer queues of the interface, or a faster one"
                ),
            ),
            verify=(
                scene.again(
                    f"With the change made: host_pressure_ratio of io falls from {pressure} below "
                    f"{percent(_PRESSURE)}, lost packets from {drops} below {_DROPS_PER_S:g} a second"
                ),
            ),
            rollback=(Action(text="Single commits again where a crash may lose nothing that was acknowledged"),),
        )


def _told(value: float | None) -> str:
    return "–" if value is None else three_digits(value)


def _pressure(case: Case, part: Stretch) -> float | None:
    return case.mean(part, "host", "host_pressure_ratio", resource="io")


def _drops(case: Case, part: Stretch) -> float | None:
    return case.rate(part, "host", "host_network_dropped_packets_total")


def _written(case: Case, part: Stretch) -> float | None:
    per_s = case.rate(part, "host", "host_disk_written_bytes_total")
    return None if per_s is None else per_s / 1e6


def _writer(case: Case, part: Stretch) -> tuple[str, float]:
    """Give the process family that wrote most, in bytes per second; ("", 0) where none did."""
    told = {
        name: case.rate(part, "processes", "process_written_bytes_total", service=name) or 0.0
        for name in case.families()
    }
    name = max(told, key=lambda each: told[each], default="")
    return (name, told[name]) if name and told[name] > 0 else ("", 0.0)


def _whose(scene: Scene) -> str:
    name, per_s = _writer(scene.case, scene.part)
    return (
        f"{name} wrote {three_digits(per_s / 1e6)} MB/s, most of what was watched" if name else "nobody who is watched"
    )


def _excess(case: Case, part: Stretch) -> float | None:
    """Give how far beyond its limit the worse of both is; from 1 on it counts."""
    pressure, drops = _pressure(case, part), _drops(case, part)
    if pressure is None and drops is None:
        return None
    return max((pressure or 0.0) / _PRESSURE, (drops or 0.0) / _DROPS_PER_S)


def _explained(case: Case, part: Stretch) -> float:
    """Give the share of what waits in which something waits for the disk: the most that it can be."""
    return case.waiting(part) * min(_pressure(case, part) or 0.0, 1.0)


def _signs(case: Case, part: Stretch) -> list[Sign]:
    busy, iowait = (
        case.rate(part, "host", "host_disk_busy_seconds_total"),
        case.mean(part, "host", "host_cpu_iowait_ratio"),
    )
    return [
        Sign(
            text=f"something waited for the disk {percent(_pressure(case, part))} of the time (counts from "
            f"{percent(_PRESSURE)} on); {_told(_drops(case, part))} packets a second were lost (count from "
            f"{_DROPS_PER_S:g} on)",
            holds=True,
        ),
        Sign(
            text=f"disks were busy {percent(busy)} of the time (expected: {percent(_BUSY)} and more)",
            holds=None if busy is None else busy >= _BUSY,
        ),
        Sign(
            text=f"cores were idle for it {percent(iowait)} of the time (expected: {percent(_IOWAIT)} and more)",
            holds=None if iowait is None else iowait >= _IOWAIT,
        ),
    ]
