"""Host and processes: utilisation, saturation and errors of each resource, and who uses it (Gregg's USE method)."""

from dashboards.parts import RATE, PanelBuilder, board, graph, q

_RUN = 'run=~"$run"'
_OF_SERVICE = 'service=~"$service", run=~"$run"'


def _rate(metric: str, selector: str, by: str) -> str:
    return f"sum by (run{by}) (rate({metric}{{{selector}}}[{RATE}]))"


def build() -> str:
    """Give the dashboard as JSON."""
    return board(
        "lab-host",
        "Host and processes",
        "Utilisation, saturation and errors of each resource, and who uses it.",
        (
            ("CPU", _cpu()),
            ("Memory", _memory()),
            ("Disk and network", _disk_and_network()),
            ("Processes", _processes()),
        ),
    )


def _cpu() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "Utilisation: which core is busy?",
            "Busy share of each core.",
            "percentunit",
            q(f"host_cpu_core_ratio{{{_RUN}}}", "core {{core}}"),
            q(f"host_cpu_ratio{{{_RUN}}}", "all"),
            highest=1,
        ),
        graph(
            "Saturation: does something wait for a core?",
            "Share of the last 10 s in which something waited (PSI), and that the host of this machine took for others.",
            "percentunit",
            q(f'host_pressure_ratio{{{_RUN}, resource="cpu"}}', "pressure"),
            q(f"host_cpu_steal_ratio{{{_RUN}}}", "steal"),
            q(f"host_cpu_iowait_ratio{{{_RUN}}}", "waits for disks"),
        ),
        graph(
            "Who uses the cores?",
            "CPU seconds per second of each service with its children, of k6 and of the lab itself.",
            "none",
            q(_rate("lab_process_cpu_seconds_total", _OF_SERVICE, ", service"), "{{service}}"),
            width=24,
            stacked=True,
        ),
    )


def _memory() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "Utilisation: how much is left?",
            "Memory that can be had without swapping, against what there is.",
            "bytes",
            q(f"host_memory_available_bytes{{{_RUN}}}", "available"),
            q(f"host_memory_total_bytes{{{_RUN}}}", "there is"),
        ),
        graph(
            "Saturation: does something wait for memory?",
            "Share of the last 10 s in which something waited for memory (PSI).",
            "percentunit",
            q(f'host_pressure_ratio{{{_RUN}, resource="memory"}}', "pressure"),
        ),
        graph(
            "Who has it?",
            "Resident memory of each service with its children; pages that several share count in each.",
            "bytes",
            q(f"max by (run, service) (lab_process_resident_memory_bytes{{{_OF_SERVICE}}})", "{{service}}"),
            stacked=True,
        ),
        graph(
            "Does it come back from swap?",
            "Bytes per second from and to swap.",
            "Bps",
            q(_rate("host_swap_in_bytes_total", _RUN, ""), "in"),
            q(_rate("host_swap_out_bytes_total", _RUN, ""), "out"),
        ),
    )


def _disk_and_network() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "Utilisation: what do disks move?",
            "Bytes per second read and written by the whole machine.",
            "Bps",
            q(_rate("host_disk_read_bytes_total", _RUN, ""), "read"),
            q(_rate("host_disk_written_bytes_total", _RUN, ""), "written"),
        ),
        graph(
            "Saturation: does something wait for disks?",
            "Share of the last 10 s in which something waited for input or output (PSI), and in which a disk was at work.",
            "percentunit",
            q(f'host_pressure_ratio{{{_RUN}, resource="io"}}', "pressure"),
            q(_rate("host_disk_busy_seconds_total", _RUN, ""), "disks at work"),
        ),
        graph(
            "What goes over the network?",
            "Bytes per second, those between processes of this machine among them.",
            "Bps",
            q(_rate("host_network_received_bytes_total", _RUN, ""), "received"),
            q(_rate("host_network_sent_bytes_total", _RUN, ""), "sent"),
        ),
        graph(
            "Errors: are packets dropped, do sockets run out?",
            "Packets dropped per second, and sockets in TIME_WAIT, each of which holds a local port for a minute.",
            "none",
            q(_rate("host_network_dropped_packets_total", _RUN, ""), "packets dropped"),
            q(f"host_tcp_time_wait{{{_RUN}}}", "in TIME_WAIT"),
        ),
    )


def _processes() -> tuple[PanelBuilder, ...]:
    return (
        graph(
            "Does something keep files open?",
            "Open files of each service with its children, sockets among them.",
            "none",
            q(f"max by (run, service) (lab_process_open_fds{{{_OF_SERVICE}}})", "{{service}}"),
        ),
        graph(
            "Does something keep threads?",
            "Threads of each service with its children.",
            "none",
            q(f"max by (run, service) (lab_process_threads{{{_OF_SERVICE}}})", "{{service}}"),
        ),
        graph(
            "Who is driven off its core?",
            "Involuntary context switches per second: a process that wants to go on and may not.",
            "ops",
            q(_rate("lab_process_involuntary_context_switches_total", _OF_SERVICE, ", service"), "{{service}}"),
        ),
        graph(
            "Who writes to disks?",
            "Bytes per second that each service with its children writes.",
            "Bps",
            q(_rate("lab_process_written_bytes_total", _OF_SERVICE, ", service"), "{{service}}"),
        ),
    )
