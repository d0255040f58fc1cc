"""POST /datasets."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from service_kit.answers import json_answer
from service_kit.body_limit import too_large
from service_kit.csv_columns import NotATableError
from sut.datasets import Datasets, Table
from sut.tokens import Tokens

FRAME_BYTES = 16 * 1024
"""What a multipart body may have around its file."""

_INLINE_BYTES = 16 * 1024  # read in less than a millisecond, which is less than handing it to a thread disturbs


class Uploads:
    """Takes a CSV as `text/csv`, or as the file `file` of a multipart form."""

    def __init__(self, datasets: Datasets, *, tokens: Tokens, limit_bytes: int) -> None:
        self._datasets = datasets
        self._tokens = tokens
        self._limit = limit_bytes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tables")

    async def upload(self, request: Request) -> Response:
        """Store a table. 413 where it is too large, 415 for another kind of body, 422 where it is no table."""
        user_id = self._tokens.user_of(request)
        data = await _data(request)
        if len(data) > self._limit:
            raise too_large(self._limit)
        table = await self._table(data)
        dataset_id = await self._datasets.add(user_id, table)
        columns = len(table.columns)
        answer = {"datasetId": dataset_id, "rows": table.rows, "columns": columns, "sha256": table.sha256}
        return json_answer(answer, 201)

    async def _table(self, data: bytes) -> Table:
        try:
            if len(data) <= _INLINE_BYTES:
                return Table.read(data)
            return await asyncio.get_running_loop().run_in_executor(self._thread, Table.read, data)
        except NotATableError as error:
            raise HTTPException(422, f"the dataset is not a table: {error}") from None

    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter()
        router.add_api_route("/datasets", self.upload, methods=["POST"])
        return router


async def _data(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/csv":
        return await request.body()
    if kind == "multipart/form-data":
        return await _file(request)
    raise HTTPException(415, "send the CSV as text/csv, or as the file `file` of multipart/form-data")


async def _file(request: Request) -> bytes:
    try:
        async with request.form(max_files=1, max_fields=10) as form:
            file = form.get("file")
            if isinstance(file, UploadFile):
                return await file.read()
    except HTTPException as error:
        if error.status_code != 400:
            raise
        raise HTTPException(422, f"the form cannot be read: {error.detail}") from None
    raise HTTPException(422, "the form has no file `file`")
