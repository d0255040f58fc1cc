import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sut.query_shape import shape


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (
            {"find": "users", "filter": {"_id": "mia@b.example", "n": {"$in": [1, 2]}}, "limit": 1, "lsid": {"id": 7}},
            {"filter": {"_id": "?", "n": {"$in": ["?", "?"]}}, "limit": 1},
        ),
        (
            {"update": "reports", "updates": [{"q": {"_id": 1}, "u": {"$set": {"status": "done"}}, "multi": True}]},
            {"updates": [{"q": {"_id": "?"}, "u": {"$set": {"status": "?"}}, "multi": True}]},
        ),
        ({"insert": "users", "documents": [{"password": "x"}, {"password": "y"}]}, {"documents": 2}),
        ({"aggregate": "reports", "pipeline": [{"$match": {"a": 1}}]}, {"pipeline": [{"$match": {"a": "?"}}]}),
        ({"find": "x", "filter": {"$or": [{"a": 1}] * 9}}, {"filter": {"$or": [{"a": "?"}] * 5}}),
        ({"ping": 1}, {}),
    ],
)
def test_a_command_is_shown_by_its_shape(command: dict[str, object], shown: dict[str, object]) -> None:
    assert shape(command) == shown


VALUES = st.recursive(st.just("SECRET"), lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner))


@given(st.dictionaries(st.sampled_from(["filter", "q", "u", "sort", "documents"]), st.lists(VALUES)))
def test_no_value_is_ever_shown(command: dict[str, object]) -> None:
    assert b"SECRET" not in orjson.dumps(shape(command))
