import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.collectors.redaction import redacted

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI2NWU2In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ("authorization: basic dXNlcjpwYXNz", "authorization: basic ***"),
        (f"token was {JWT}.", "token was ***."),
        ('{"token":"abc","userId":"u"}', '{"token":"***","userId":"u"}'),
        ('{"password": "it\\"s","n":1}', '{"password": "***","n":1}'),
        ('{"Set-Cookie":"a=b","status":200}', '{"Set-Cookie":"***","status":200}'),
        ('{"TOKEN_SECRET":"s3cret"}', '{"TOKEN_SECRET":"***"}'),
        ('{"api_key":12345}', '{"api_key":"***"}'),
        (r'{"body":"{\"password\":\"x y\",\"n\":2}"}', r'{"body":"{\"password\":\"***\",\"n\":2}"}'),
        ("mongodb://lab:geheim@127.0.0.1:27117/x", "mongodb://***@127.0.0.1:27117/x"),
        ("hash $argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA end", "hash *** end"),
        ("hash $2b$12$" + "a" * 53 + " end", "hash *** end"),
    ],
)
def test_secrets_are_hidden(text: str, clean: str) -> None:
    assert redacted(text.encode() + b"\n") == clean.encode() + b"\n"


@pytest.mark.parametrize(
    "text",
    [
        '{"message":"request","requestId":"0-sustain-mixed-12-3","route":"/login","status":401,"duration_ms":1.5}',
        '{"message":"TOKEN_SECRET is not set: tokens end with this process"}',
        '{"url":"http://127.0.0.1:8810/report/65e6"}',
        "a basic truth, and a bearer of news",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text.encode()) == text.encode()


def test_of_a_slow_query_only_its_shape_is_kept_and_whose_it_is() -> None:
    line = (
        b'{"t":{"$date":"2026-01-01T00:00:00.000+00:00"},"s":"I","msg":"Slow query","attr":{"ns":"lab.users",'
        b'"command":{"find":"users","filter":{"_id":"someone@example.org"},"comment":"r-1"},"planSummary":"COLLSCAN"}}\n'
    )
    clean = redacted(line + b'{"msg":"other"}\n')
    assert b"someone" not in clean
    assert b'"filter":{"_id":"?"}' in clean
    assert b'"comment":"r-1"' in clean
    assert b'"planSummary":"COLLSCAN"' in clean
    assert clean.endswith(b'{"msg":"other"}\n')


def test_a_slow_query_that_cannot_be_read_is_left_out() -> None:
    assert b"secret" not in redacted(b'{"msg":"Slow query","attr":{"command":{"q":"a secret"\n')


@given(st.binary(max_size=200))
def test_whatever_comes_keeps_its_lines(data: bytes) -> None:
    assert redacted(data).count(b"\n") == data.count(b"\n")
