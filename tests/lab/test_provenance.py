"""What tells two runs apart."""

from pathlib import Path

from lab.model import Environment
from lab.provenance import collect, differences

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


def test_other_scripts_make_other_users_and_datasets_and_a_run_that_does_not_say_is_not_accused() -> None:
    one, two = {**ONE, "scripts": "a" * 64}, {**ONE, "scripts": "b" * 64}
    assert differences(one, two) == [
        "the k6 scripts, which make users and datasets, were aaaaaaaaaaaa, and are bbbbbbbbbbbb"
    ]
    assert differences(ONE, two) == differences(one, ONE) == []


def scripts_digest(folder: Path) -> str:
    environment = Environment(
        id="e", engine="process", target="stubs", entry_url="", mongo_url="", started_at=0.0, services=()
    )
    found = collect(environment=environment, k6_version="1.1.0", plan={}, checkout=folder, scripts=folder)
    return str(found["scripts"])


def test_the_digest_of_scripts_hangs_on_names_and_bytes_of_scripts_and_tables_alone(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "a.js").write_text("one")
    (tmp_path / "lib" / "b.json").write_text("two")
    first = scripts_digest(tmp_path)
    (tmp_path / "README.md").write_text("of no matter")
    assert scripts_digest(tmp_path) == first
    (tmp_path / "a.js").write_text("One")
    changed = scripts_digest(tmp_path)
    (tmp_path / "a.js").write_text("one")
    (tmp_path / "lib" / "b.json").rename(tmp_path / "lib" / "c.json")
    assert len({first, changed, scripts_digest(tmp_path)}) == 3
