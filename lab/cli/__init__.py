"""The command line: one function per command. The only part of the lab that prints, and that ends the process."""

import logging
import os
import signal
import sys
import traceback
from typing import NoReturn

import click

from lab.cli.ab import ab
from lab.cli.bisect import bisect
from lab.cli.capacity import capacity
from lab.cli.compare import compare
from lab.cli.driving import noise, run
from lab.cli.environment import doctor, down, status, up
from lab.cli.history import history
from lab.cli.packing import pack, unpack
from lab.cli.playbooks import playbooks
from lab.cli.profiling import profile
from lab.cli.reading import logs, replay, report, runs
from lab.cli.shared import fail, say
from lab.errors import ExitCode, LabError

_EPILOG = (
    "Exit codes: 0 passed, 1 failed, 2 usage or configuration, 3 the lab itself failed, "
    "4 invalid (no verdict can be given), 130 interrupted."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=_EPILOG)
@click.version_option(package_name="perf-profiling-lab", prog_name="lab")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what goes on.")
def cli(*, verbose: bool) -> None:
    """Load, stress and profile a system, and end in a verdict: passed, failed or invalid.

    Bring the environment up, run a scenario through a plan's phases, read the report, take it down:

    \b
      lab up
      lab run mixed --plan quick
      lab report
      lab down
    """  # noqa: D301  # \b is click's sign for lines to be left as they are
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(message)s")


for command in (
    doctor,
    up,
    status,
    run,
    ab,
    compare,
    bisect,
    noise,
    runs,
    history,
    report,
    capacity,
    playbooks,
    logs,
    replay,
    profile,
    pack,
    unpack,
    down,
):
    cli.add_command(command)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> NoReturn:
    """Run the command line; every error that the lab raises on purpose ends with its own exit code."""
    signal.signal(signal.SIGTERM, _interrupt)  # a cancelled CI job is a Ctrl-C too
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except LabError as error:
        fail(error)
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:  # nobody reads on; no verdict has been shown, so none is told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.LAB_FAILED)
    except Exception:  # noqa: BLE001  # Python's own exit code for it is 1, which would read as a verdict: failed
        traceback.print_exc()
        say("error: the lab met an error that it did not expect; please report the lines above")
        sys.exit(ExitCode.LAB_FAILED)
    sys.exit(code if isinstance(code, int) else ExitCode.PASSED)
