"""Commits of a git checkout as folders of their own; the checkout, its index and its branches stay as they are."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.errors import ConfigError, EngineError

_TIMEOUT_S = 300.0
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "lab"), ("EMAIL", "lab@localhost"), ("DATE", "2000-01-01T00:00:00Z"))
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit: its id, and that of the files in it (`tree`), which is the same where nothing differs."""

    id: str
    tree: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A git checkout: `root` is its top folder, `place` where in it the project lies, "" for the top."""

    root: Path
    place: str = ""

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.root / self.place


def folder_in(home: Path) -> Path:
    """Give the folder of everything that a lab checks out; `lab down` clears it."""
    return home / "sides"


def checkout_at(folder: Path) -> Checkout:
    """Give the checkout that a folder is in. Raises ConfigError where it is none."""
    try:
        root = git(folder, "rev-parse", "--show-toplevel")
        place = git(folder, "rev-parse", "--show-prefix")
    except (ConfigError, EngineError) as error:
        raise ConfigError(f"{folder} is no git checkout, so nothing of it can be checked out ({error})") from error
    return Checkout(root=Path(root), place=place.rstrip("/"))


def commit_of(checkout: Checkout, ref: str) -> Commit:
    """Give the commit that a ref names. Raises ConfigError where there is none."""
    try:
        found = git(checkout.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    except ConfigError as error:
        raise ConfigError(
            f"{ref!r} names no commit of {checkout.root.name}; `git log --oneline --all` and `git tag` show what there "
            "is, and `git fetch` gets what is not here yet"
        ) from error
    return Commit(id=found, tree=git(checkout.root, "rev-parse", f"{found}^{{tree}}"))


def is_changed(checkout: Checkout) -> bool:
    """Whether files differ from the last commit, new ones included."""
    return bool(git(checkout.root, "status", "--porcelain"))


def snapshot(checkout: Checkout) -> Commit:
    """Give a commit of the files as they are now, new ones included and ignored ones not.

    No branch and no index names it, so that git forgets it after some weeks. The same files give the same commit;
    without changes it is the last one.
    """
    last = commit_of(checkout, "HEAD")
    index = Path(git(checkout.root, "rev-parse", "--path-format=absolute", "--git-path", "index"))
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "index"
        if index.is_file():
            shutil.copyfile(index, own)  # with it git need not read files that have not changed
        env = {"GIT_INDEX_FILE": str(own)}
        git(checkout.root, "add", "--all", env=env)
        tree = git(checkout.root, "write-tree", env=env)
    if tree == last.tree:
        return last
    made = git(checkout.root, "commit-tree", tree, "-p", last.id, "-m", "working tree", env=_AUTHOR)
    return Commit(id=made, tree=tree)


def add(checkout: Checkout, commit: str, folder: Path) -> Path:
    """Check a commit out into `folder`, in the place of what is there; gives where the project is in it.

    Raises ConfigError where git refuses.
    """
    remove(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    git(checkout.root, "worktree", "add", "--detach", "--force", str(folder), commit)
    return folder / checkout.place


def remove(folder: Path) -> bool:
    """Remove a worktree with whatever is in it, and git's record of it; gives whether there was one."""
    if not folder.exists():
        return False
    records = _records(folder)
    shutil.rmtree(folder, ignore_errors=True)
    if records is not None:
        _forget(records, folder.parent)
    return True


def _forget(records: Path, within: Path) -> None:
    """Remove git's records of worktrees that lay in a folder and are gone.

    `git worktree prune` would also forget others, whose disk is not there at the moment.
    """
    for record in records.iterdir() if records.is_dir() else ():
        try:
            place = Path((record / "gitdir").read_text(encoding="utf-8").strip()).parent
        except (OSError, UnicodeDecodeError):
            continue
        if place.parent.resolve() == within.resolve() and not place.exists():
            shutil.rmtree(record, ignore_errors=True)


def clear(folder: Path) -> int:
    """Remove every worktree that lies in `folder`; gives how many there were."""
    found = [path.parent for path in sorted(folder.glob("*/.git")) if path.is_file()]
    return sum(remove(path) for path in found)


def _records(folder: Path) -> Path | None:
    """Give where the repository of a worktree keeps what it knows of all of them; None where that is damaged."""
    try:
        name, _, place = (folder / ".git").read_text(encoding="utf-8").strip().partition(": ")
    except (OSError, UnicodeDecodeError):
        return None
    records = Path(place).parent
    return records if name == "gitdir" and records.name == "worktrees" else None


def git(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Give what git says in a folder; no hook is run. Raises ConfigError with its words, EngineError without git.

    `env` is added to this process's environment, of which nothing that would lead git elsewhere is kept.
    """
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(folder), *_NO_HOOKS, *arguments]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, env={**plain, **(env or {})}, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"git {arguments[0]}: {error}; is git installed?") from error
    if answer.returncode:
        raise ConfigError(f"git {arguments[0]}: {answer.stderr.strip() or f'ended with {answer.returncode}'}")
    return answer.stdout.strip()
