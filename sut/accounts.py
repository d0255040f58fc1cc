"""POST /register and POST /login."""

from typing import Annotated, Any

from bson import ObjectId
from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import AfterValidator, Field, SecretStr
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from service_kit import trace
from service_kit.answers import json_answer
from sut.bodies import Body, read_body
from sut.passwords import Passwords
from sut.tokens import Tokens

_MAX_PASSWORD = 256  # hashing a longer one only costs more

Email = Annotated[
    str,
    Field(min_length=3, max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00.]+$"),
    AfterValidator(str.lower),
]


class Registration(Body):
    """The body of POST /register."""

    email: Email
    password: Annotated[SecretStr, Field(min_length=8, max_length=_MAX_PASSWORD)]


class Credentials(Body):
    """The body of POST /login."""

    email: Annotated[str, Field(max_length=254), AfterValidator(str.lower)]
    password: Annotated[SecretStr, Field(max_length=_MAX_PASSWORD)]


class Accounts:
    """Users by their e-mail in lower case, which is the document's `_id` and so can be taken only once."""

    def __init__(self, users: AsyncCollection[dict[str, Any]], *, passwords: Passwords, tokens: Tokens) -> None:
        self._users = users
        self._passwords = passwords
        self._tokens = tokens

    async def register(self, request: Request) -> Response:
        """Make a user. 409 where the e-mail is taken."""
        asked = await read_body(request, Registration)
        if await self._users.find_one({"_id": asked.email}, {"_id": 1}, comment=trace.request_id()):
            raise _taken()
        user_id = str(ObjectId())
        hashed = await self._passwords.hash(asked.password.get_secret_value())
        try:
            await self._users.insert_one(
                {"_id": asked.email, "userId": user_id, "password": hashed}, comment=trace.request_id()
            )
        except DuplicateKeyError:  # somebody was faster
            raise _taken() from None
        return self._session(user_id, 201)

    async def login(self, request: Request) -> Response:
        """Give a token to who knows the password. 401 otherwise, as late for an unknown e-mail as for a known one."""
        asked = await read_body(request, Credentials)
        user = await self._users.find_one({"_id": asked.email}, comment=trace.request_id())
        stored = user["password"] if user else None
        if not await self._passwords.verify(asked.password.get_secret_value(), stored) or user is None:
            raise HTTPException(401, "the e-mail or the password is wrong", {"WWW-Authenticate": "Bearer"})
        return self._session(user["userId"], 200)

    def _session(self, user_id: str, status: int) -> Response:
        trace.current().user_id = user_id
        return json_answer({"userId": user_id, "token": self._tokens.issue(user_id)}, status)

    def router(self) -> APIRouter:
        """The two routes."""
        router = APIRouter()
        router.add_api_route("/register", self.register, methods=["POST"])
        router.add_api_route("/login", self.login, methods=["POST"])
        return router


def _taken() -> HTTPException:
    return HTTPException(409, "the e-mail is taken")
