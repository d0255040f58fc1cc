"""Writes docs/cli.md from the commands' own --help; `tests/test_docs.py` keeps it in step."""

from pathlib import Path

import click

from lab.cli import cli

DOCS = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
_HEAD = """# Command line

Written by `make docs` from `lab --help`; do not edit. `python -m lab` and `lab` are the same.

"""


def render() -> str:
    """Give the whole page: the group's help, then every command's."""
    root = click.Context(cli, info_name="lab", terminal_width=100, help_option_names=["-h", "--help"])
    parts = [_section("lab", cli, root)]
    for name, command in cli.commands.items():
        parts.append(_section(f"lab {name}", command, click.Context(command, info_name=name, parent=root)))
    return _HEAD + "\n".join(parts)


def _section(title: str, command: click.Command, context: click.Context) -> str:
    return f"## {title}\n\n```\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    DOCS.write_text(render(), encoding="utf-8")
    print(f"wrote {DOCS.name}")
