from lab.collectors.query_shape import query_shape


def test_values_are_left_out_and_what_is_asked_stays() -> None:
    command = {
        "find": "users",
        "filter": {"email": "a@b.c", "age": {"$gt": 3}},
        "sort": {"createdAt": -1},
        "limit": 5,
        "comment": "r-1",
        "lsid": {"id": "secret"},
    }
    assert query_shape(command) == {
        "filter": {"email": "?", "age": {"$gt": "?"}},
        "sort": {"createdAt": "?"},
        "limit": 5,
    }


def test_long_lists_are_cut() -> None:
    assert query_shape({"filter": {"_id": {"$in": list(range(1000))}}}) == {"filter": {"_id": {"$in": ["?"] * 5}}}


def test_a_statement_of_a_write_is_shown() -> None:
    assert query_shape({"q": {"_id": 1}, "u": {"$set": {"password": "x"}}, "multi": False}) == {
        "q": {"_id": "?"},
        "u": {"$set": {"password": "?"}},
        "multi": False,
    }


def test_inserted_documents_are_not_shown() -> None:
    assert query_shape({"insert": "users", "documents": [{"password": "x"}]}) == {}


def test_what_lies_deep_inside_is_not_shown() -> None:
    statement = {"u": {"$set": {"result": {"model": {"kind": "x", "parts": [1, 2]}}}}}
    assert query_shape(statement) == {"u": {"$set": {"result": {"model": "?"}}}}
