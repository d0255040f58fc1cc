"""Answers as JSON bytes, and errors as sentences."""

from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError


def json_answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`value` as JSON: orjson and no validation, which is what FastAPI's own way spends its time on."""
    return Response(orjson.dumps(value), status, headers, media_type="application/json")


def refuse_in_sentences(app: FastAPI) -> None:
    """Let `app` answer a body that cannot be used with 422 and sentences, without repeating what was sent."""

    async def refuse(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return json_answer({"detail": sentences(error.errors())}, 422)

    app.add_exception_handler(RequestValidationError, refuse)


def sentences(problems: Sequence[Any]) -> str:
    """What pydantic found wrong, in one line; never the values, which may be secret."""
    return "; ".join(f"{_where(problem['loc'])}: {problem['msg']}" for problem in problems)


def problems_of(error: ValidationError) -> str:
    """The same for a model that was validated by hand."""
    return sentences(error.errors(include_url=False, include_input=False, include_context=False))


def _where(location: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in location if part != "body") or "the body"
