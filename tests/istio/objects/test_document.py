"""YAML documents and their lines."""

import pytest

from istio.objects import Document, Refused, read


def test_a_place_is_found_on_its_line_and_a_missing_one_on_its_parents() -> None:
    [document] = read("kind: X\nspec:\n  hosts:\n  - a\n  - b\n", "f.yaml")
    assert document.line(("spec", "hosts", 1)) == 5
    assert document.line(("spec", "hosts", 7, "name")) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "f.yaml:1: is not YAML"),
        ("a: 1\na: 2", "f.yaml:2: a: stands twice"),
        ("- 1", "must be an object"),
        ("&a [*a]", "f.yaml"),
        ("a: &b {c: *b}", "nested too deeply"),
        ("a: \x00", "is not YAML"),
        ("a: 1\nb:\n  c: {{ .Values.host }}", "f.yaml:3: is not YAML: a key must be text"),
        ("? [a]\n: 1", "f.yaml:1: is not YAML: a key must be text"),
        ("a:\n  b: 0x_", "f.yaml:2: is not YAML: '0x_' is no int"),
        ("a: !!int x", "'x' is no int"),
        ("a: !!int ''", "'' is no int"),
        ("a: !!float x", "'x' is no float"),
        ("a: !!bool x", "'x' is no bool"),
        ("a: !!timestamp x", "'x' is no timestamp"),
        pytest.param("a: " + "9" * 5000, "is no int", id="5000 digits"),
        pytest.param("[" * 3000, "nested too deeply", id="3000 brackets"),
    ],
)
def test_what_is_not_a_yaml_object_is_refused(text: str, said: str) -> None:
    with pytest.raises(Refused, match=r"f\.yaml") as caught:
        read(text, "f.yaml")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("data", "key", "said"),
    [
        ({"kind": "Gateway", "metadata": {"name": "a", "namespace": "b"}}, ("Gateway", "b", "a"), "Gateway b/a"),
        ({"kind": "Gateway", "metadata": {"name": "a"}}, ("Gateway", "default", "a"), "Gateway default/a"),
        ({"metadata": None}, ("", "default", ""), " default/"),
    ],
)
def test_a_key_is_what_makes_an_object_the_same_one(data: dict[str, object], key: tuple[str, ...], said: str) -> None:
    found = Document(data).key
    assert found == key
    assert str(found) == said


def test_empty_documents_are_left_out_and_dates_stay_text() -> None:
    [document] = read("---\n---\ncreated: 2020-01-01\n---\n", "f.yaml")
    assert document.data == {"created": "2020-01-01"}
