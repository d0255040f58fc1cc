"""What tells two runs apart."""

from lab.provenance import differences

ONE = {"code": {"commit": "a"}, "versions": {"k6": "1.1.0", "mongo": "6.0.5"}, "host": {"cores": 2}}


def test_the_same_versions_on_the_same_machine_do_not_differ_whatever_the_commit() -> None:
    assert differences(ONE, {**ONE, "code": {"commit": "b"}}) == []


def test_every_difference_is_said_also_of_what_is_missing_on_one_side() -> None:
    other = {"versions": {"k6": "2.0.0", "shap": "0.51.0"}, "host": {"cores": 4}}
    assert differences(ONE, other) == [
        "k6 was 1.1.0, and is 2.0.0",
        "mongo was 6.0.5, and is not there",
        "shap was not there, and is 0.51.0",
        "cores was 2, and is 4",
    ]
