"""A Prometheus server beside the system: what it scrapes is labelled with the run, and kept with it at the end."""

import http.client
import shutil
import urllib.parse
from pathlib import Path
from typing import Any

import orjson

from lab.errors import LabError
from lab.rundir import write_bytes

_TIMEOUT_S = 20.0


class PrometheusServer:
    """The server at `url`; its `folder` has the files of its targets (`targets/`) and its database (`tsdb/`)."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.tsdb = folder / "tsdb"
        self._services = folder / "targets" / "services.json"
        self._lab = folder / "targets" / "lab.json"

    @property
    def remote_write_url(self) -> str:
        """Where series can be written to."""
        return f"{self.url}/api/v1/write"

    def observe(self, run_id: str, lab: str) -> None:
        """Label everything that is scraped with the run, and scrape the lab itself at host and port `lab`.

        Raises LabError where the files of the targets cannot be written.
        """
        self._label({"run": run_id})
        write_bytes(self._lab, orjson.dumps([{"targets": [lab], "labels": {"run": run_id}}]))

    def release(self) -> None:
        """Scrape the services without a run again, and the lab no more. Raises LabError likewise."""
        self._label({})
        write_bytes(self._lab, b"[]\n")

    def _label(self, labels: dict[str, str]) -> None:
        try:
            groups = orjson.loads(self._services.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise LabError(f"{self._services} cannot be read: {error}") from error
        for group in groups:
            kept = {name: value for name, value in group["labels"].items() if name != "run"}
            group["labels"] = {**kept, **labels}
        write_bytes(self._services, orjson.dumps(groups, option=orjson.OPT_INDENT_2))

    def snapshot(self, to: Path, *, keep_earlier: bool = False) -> None:
        """Put a snapshot of its database, which any Prometheus opens, into the folder `to`.

        It replaces what is there, unless that came from another server: then `keep_earlier`, and blocks of both stand
        beside one another. Raises LabError where the server does not answer, or the files cannot be copied.
        """
        name = str(self._asked("POST", "/api/v1/admin/tsdb/snapshot", "made no snapshot").get("name", "?"))
        made = self.tsdb / "snapshots" / name
        draft = to.with_name(to.name + ".part")
        try:
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(made, draft)
            if keep_earlier and to.exists():
                shutil.copytree(to, draft, dirs_exist_ok=True)
            shutil.rmtree(to, ignore_errors=True)
            draft.replace(to)
            shutil.rmtree(made, ignore_errors=True)
        except (OSError, shutil.Error) as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise LabError(f"the snapshot of Prometheus cannot be kept: {error}") from error

    def query(self, expr: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """Give what an instant query finds: dictionaries with `metric` and `value`. `at` is epoch seconds (None: now).

        Raises LabError where the server does not answer, or refuses the query.
        """
        asked = {"query": expr} if at is None else {"query": expr, "time": f"{at:.3f}"}
        data = self._asked("GET", f"/api/v1/query?{urllib.parse.urlencode(asked)}", "answered no query")
        found: list[dict[str, Any]] = data["result"]
        return found

    def _asked(self, method: str, path: str, failure: str) -> dict[str, Any]:
        parts = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path)
            body = connection.getresponse().read()
            data: dict[str, Any] = orjson.loads(body)["data"]
        except (OSError, http.client.HTTPException) as error:
            raise LabError(f"Prometheus at {self.url} does not answer: {error}") from error
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise LabError(f"Prometheus at {self.url} {failure}: {body[:200]!r}") from error
        finally:
            connection.close()
        if not isinstance(data, dict):
            raise LabError(f"Prometheus at {self.url} {failure}: {body[:200]!r}")
        return data
