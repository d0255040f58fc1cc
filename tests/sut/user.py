"""Somebody who uses the backend."""

import random
import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from lab import processes

PASSWORD = "correct horse battery staple"  # noqa: S105  # it guards nothing


def a_table(rows: int = 40, features: int = 3, seed: int = 1) -> bytes:
    """A CSV whose last column, y, is the sum of the others."""
    draw = random.Random(seed)
    lines = [",".join([*(f"x{i}" for i in range(features)), "y"])]
    for _ in range(rows):
        cells = [draw.randrange(-1000, 1000) / 100 for _ in range(features)]
        lines.append(",".join(f"{cell:.2f}" for cell in [*cells, sum(cells)]))
    return "\n".join(lines).encode() + b"\n"


@dataclass(frozen=True, kw_only=True)
class User:
    """A registered user with a client, whose requests carry the token."""

    client: httpx.Client
    email: str
    user_id: str
    token: str

    @classmethod
    def registered(cls, client: httpx.Client) -> "User":
        email = f"{uuid.uuid4().hex}@test.example"
        answer = client.post("/register", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return cls(client=client, email=email, user_id=answer.json()["userId"], token=answer.json()["token"])

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, headers=self._headers(options), **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.client.post(path, headers=self._headers(options), **options)

    def _headers(self, options: dict[str, Any]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}

    def upload(self, table: bytes, **headers: str) -> httpx.Response:
        return self.post("/datasets", content=table, headers={"Content-Type": "text/csv", **headers})

    def dataset(self, table: bytes | None = None) -> str:
        answer = self.upload(a_table() if table is None else table)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["datasetId"])

    def analyze(self, dataset_id: str, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        return self.post("/analyze", json={"datasetId": dataset_id, **fields}, headers=headers or {})

    def queued(self, dataset_id: str, **fields: Any) -> str:
        answer = self.analyze(dataset_id, **fields)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["reportId"])

    def report(self, report_id: str) -> dict[str, Any]:
        answer = self.get(f"/report/{report_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def finished(self, report_id: str) -> dict[str, Any]:
        """The report once it is done or failed."""
        assert processes.wait_until(lambda: self.report(report_id)["status"] in ("done", "failed"), timeout_s=60)
        return self.report(report_id)
