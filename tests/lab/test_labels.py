from hypothesis import given
from hypothesis import strategies as st

from lab.model import label_text, labels_of

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)


@given(st.dictionaries(NAMES, st.text(max_size=12)))
def test_what_is_written_is_read(labels: dict[str, str]) -> None:
    assert labels_of(label_text(labels)) == labels


def test_labels_are_sorted_and_plain() -> None:
    assert label_text({"service": "backend", "route": "GET /report/{id}"}) == "route=GET /report/{id},service=backend"


def test_a_comma_does_not_end_a_value() -> None:
    assert label_text({"expect": "p95(x{a=b,c=d}) < 1s"}) == r"expect=p95(x{a=b\,c=d}) < 1s"
