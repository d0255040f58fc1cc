"""Small git repositories for tests, with targets whose services can be started."""

import os
import subprocess
from pathlib import Path

TARGET = """
name = "small"
entry = "web"

[services.web]
kind = "http"
port = 8810
argv = ["{python}", "-m", "web"]
health_path = "/"
env = { HOST = "{host}", PORT = "{port}", WORD = "plain" }
"""
SERVICE = """
import http.server, os, pathlib
WORD = "VERSION " + os.environ["WORD"]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{WORD} {pathlib.Path(__file__).parent.name} {pathlib.Path.cwd().name}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody, and give what it says."""
    who = {f"GIT_{role}_{what}": "somebody" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    answer = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, env={**plain, **who}
    )
    return answer.stdout.strip()


def commit(folder: Path, **files: str) -> str:
    """Write files, commit everything, and give the commit's id; `__` in a name is a `/`, and the last `_` a dot."""
    for name, content in files.items():
        stem, _, suffix = name.replace("__", "/").rpartition("_")
        path = folder / f"{stem}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "a change")
    return git(folder, "rev-parse", "HEAD")


def repository(folder: Path, *, place: str = "") -> Path:
    """A repository with two commits of one small service, tagged v1 and v2; the project is at `place` in it."""
    project = folder / place
    project.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for number in (1, 2):
        commit(project, targets__small_toml=TARGET, web_py=SERVICE.replace("VERSION", f"v{number}"))
        git(folder, "tag", f"v{number}")
    return project
