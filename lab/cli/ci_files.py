"""What a CI system takes from a command by itself: the summary of a step of GitHub Actions."""

import os
from collections.abc import Mapping
from pathlib import Path

from lab.cli.shared import say

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""Names the file whose Markdown GitHub shows beside the step; nothing is written where it is not set."""


def wants_summary(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a step that shows a summary."""
    return bool(environ.get(STEP_SUMMARY))


def add_summary(markdown: str, environ: Mapping[str, str] = os.environ) -> None:
    """Append Markdown to the summary of the step. That it cannot be written is said, and changes no exit code."""
    name = environ.get(STEP_SUMMARY)
    if not name:
        return
    try:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(f"{markdown.rstrip()}\n\n")
    except (OSError, ValueError) as error:
        say(f"the summary of the step could not be written: {error}")
