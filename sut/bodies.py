"""JSON bodies as models."""

from typing import TypeVar

from fastapi import HTTPException, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from service_kit.answers import problems_of


class Body(BaseModel):
    """What a request may carry: these keys and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


B = TypeVar("B", bound=Body)


async def read_body(request: Request, model: type[B]) -> B:
    """The body as `model`. Raises HTTPException (422), which never repeats what was sent."""
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise HTTPException(422, problems_of(error)) from None
