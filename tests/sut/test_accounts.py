"""Who may come in, and with what: POST /register, POST /login and tokens, at a real backend."""

import statistics
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jwt
import pytest

from tests.service_kit.running_service import Running
from tests.sut.conftest import SECRET
from tests.sut.user import PASSWORD, User

pytestmark = pytest.mark.e2e

NOW = int(time.time())
GOOD: dict[str, Any] = {"iss": "sut", "iat": NOW, "exp": NOW + 24 * 3600}


def test_a_user_registers_and_logs_in_again(user: User) -> None:
    answer = user.client.post("/login", json={"email": user.email, "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json()["userId"] == user.user_id
    again = User(client=user.client, email=user.email, user_id=user.user_id, token=answer.json()["token"])
    assert again.get(f"/reports/{user.user_id}").status_code == 200


@pytest.mark.parametrize("spelling", [str, str.upper])
def test_an_e_mail_is_taken_once_however_it_is_spelled(user: User, spelling: Any) -> None:
    answer = user.client.post("/register", json={"email": spelling(user.email), "password": PASSWORD})
    assert answer.status_code == 409


def test_of_two_registrations_at_once_one_is_refused(backend: Running) -> None:
    email = f"{uuid.uuid4().hex}@test.example"
    with httpx.Client(base_url=backend.url) as client:
        bodies = [{"email": email, "password": PASSWORD}] * 4
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda body: client.post("/register", json=body), bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"email": "nobody", "password": PASSWORD}, "email"),
        ({"email": "a@b.example", "password": "short"}, "password"),
        ({"email": "a@b.example"}, "password: Field required"),
        ({"email": "a@b.example", "password": "x" * 257}, "password"),
        ({"email": "a@b.example", "password": PASSWORD, "admin": True}, "admin"),
        ([], "the body"),
    ],
)
def test_what_is_no_registration_is_refused_in_words_that_do_not_repeat_it(
    backend: Running, body: object, says: str
) -> None:
    answer = httpx.post(f"{backend.url}/register", json=body)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert "short" not in answer.text.replace("shorter", "")


@pytest.mark.parametrize("body", [b"", b"{", b'{"email": "\\ud800@b.example", "password": "correct horse"}', b"\xff"])
def test_bytes_that_are_no_json_text_are_a_422_and_no_500(backend: Running, body: bytes) -> None:
    assert httpx.post(f"{backend.url}/register", content=body).status_code == 422


def test_a_wrong_password_and_an_unknown_e_mail_are_told_alike(user: User) -> None:
    wrong = user.client.post("/login", json={"email": user.email, "password": "not the password"})
    unknown = user.client.post("/login", json={"email": "nobody@test.example", "password": "not the password"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.headers["WWW-Authenticate"] == "Bearer"


def test_an_unknown_e_mail_costs_as_much_hashing_as_a_wrong_password(user: User) -> None:
    def seconds(email: str) -> float:
        began = time.perf_counter()
        user.client.post("/login", json={"email": email, "password": "not the password"})
        return time.perf_counter() - began

    pairs = [(seconds(user.email), seconds("nobody@test.example")) for _ in range(15)]
    known, unknown = (statistics.median(column) for column in zip(*pairs, strict=True))
    # without the work it would be a tenth
    assert unknown > known / 2


def signed(claims: dict[str, Any], *, secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


FORGED = {
    "expired": lambda user_id: signed({**GOOD, "sub": user_id, "exp": NOW - 1}),
    "of another secret": lambda user_id: signed({**GOOD, "sub": user_id}, secret=SECRET[::-1]),
    "unsigned": lambda user_id: signed({**GOOD, "sub": user_id}, secret="", algorithm="none"),
    "of another algorithm": lambda user_id: signed({**GOOD, "sub": user_id}, secret=SECRET * 2, algorithm="HS512"),
    "without an expiry": lambda user_id: signed({"iss": "sut", "iat": NOW, "sub": user_id}),
    "of another issuer": lambda user_id: signed({**GOOD, "sub": user_id, "iss": "elsewhere"}),
    "without a user": lambda _: signed(GOOD),
    "no token": lambda _: "nonsense",
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_token_that_is_not_good_opens_nothing(user: User, kind: str) -> None:
    answer = user.client.get(
        f"/reports/{user.user_id}", headers={"Authorization": f"Bearer {FORGED[kind](user.user_id)}"}
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    assert ("expired" in answer.json()["detail"]) is (kind == "expired")


def test_a_token_signed_as_the_service_signs_opens_the_door(user: User) -> None:
    token = signed({**GOOD, "sub": user.user_id})
    answer = user.client.get(f"/reports/{user.user_id}", headers={"Authorization": f"bearer {token}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic YTpi"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/datasets"), ("POST", "/analyze"), ("GET", "/report/6b054f68ce794a64d22e0668"), ("GET", "/reports/me")],
)
def test_without_a_token_every_door_is_closed(
    backend: Running, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = httpx.request(method, backend.url + path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
