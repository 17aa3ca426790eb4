"""YAML documents that remember where each of their values was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from istio.objects.refusal import Fault, Place, Refused, dotted


class Key(NamedTuple):
    """What makes an object the same one."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed object: plain data, the file it came from, and the line of each place in it (1-based)."""

    data: Mapping[str, Any]
    file: str = "<objects>"
    lines: Mapping[Place, int] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The object's kind; empty when there is none."""
        return str(self.data.get("kind", ""))

    @property
    def key(self) -> Key:
        """The object's key; in namespace `default` when it names none, and without a name when it has none."""
        metadata = self.data.get("metadata")
        metadata = metadata if isinstance(metadata, Mapping) else {}
        return Key(self.kind, str(metadata.get("namespace") or "default"), str(metadata.get("name", "")))

    @property
    def is_istio(self) -> bool:
        """Whether the object's API group is one of Istio's."""
        return str(self.data.get("apiVersion", "")).partition("/")[0].endswith("istio.io")

    def line(self, place: Place) -> int:
        """Return the line of a place, or of the nearest thing around it; 0 when the document was not read from text."""
        for length in range(len(place), -1, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return 0

    def fault(self, place: Place, message: str) -> Fault:
        """Return a fault at a place of this document."""
        return Fault(self.file, self.line(place), dotted(place), message)


_DEEPEST = 64  # no object comes near; an alias inside its own anchor has no end
_TOO_DEEP = "nested too deeply"
_NO_KEY = "a key must be text; what stands in {{ }} is put in by a template before it is YAML"


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a date stays text. What is not of its type, as 0x_ and `!!int x`, is no YAML."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError) as error:  # of int() and its like, inside PyYAML
            kind = node.tag.rpartition(":")[2]
            raise yaml.MarkedYAMLError(
                problem=f"{str(node.value)[:40]!r} is no {kind}", problem_mark=node.start_mark
            ) from error


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str, file: str) -> list[Document]:
    """Read every document of a YAML text; empty documents are left out.

    Raises:
        Refused: the text is not YAML, a document is not an object, or a key stands twice.

    """
    documents: list[Document] = []
    faults: list[Fault] = []
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            lines: dict[Place, int] = {}
            repeated = list(_walk(node, (), lines))
            data = loader.construct_document(node)
            if data is None:
                continue
            if not isinstance(data, dict):
                faults.append(Fault(file, node.start_mark.line + 1, "", "must be an object with apiVersion and kind"))
                continue
            document = Document(data, file, lines)
            documents.append(document)
            faults.extend(document.fault(place, "stands twice; keep one") for place in repeated)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        faults.append(Fault(file, line, "", f"is not YAML: {error.problem or error.context}"))
    except RecursionError:
        faults.append(Fault(file, 0, "", f"is not YAML: {_TOO_DEEP}"))
    except yaml.YAMLError as error:
        faults.append(Fault(file, 0, "", f"is not YAML: {str(error).splitlines()[0]}"))
    if faults:
        raise Refused(faults)
    return documents


def files_in(folder: Path) -> list[Path]:
    """The YAML files that stand in a folder, in the order of their names."""
    return sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))


def read_files(paths: Sequence[Path]) -> list[Document]:
    """Read the documents of several files.

    Raises:
        Refused: a file cannot be read, or is not made of YAML objects; every file's faults together.

    """
    documents: list[Document] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            documents.extend(read(path.read_text(encoding="utf-8"), str(path)))
        except Refused as refused:
            faults.extend(refused.errors)
        except (OSError, UnicodeDecodeError) as error:
            faults.append(Fault(str(path), 0, "", f"cannot be read: {error}"))
    if faults:
        raise Refused(faults)
    return documents


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int]) -> list[Place]:
    """Note the line of every place under a node; give back the places whose key stands twice."""
    if len(place) > _DEEPEST:
        raise yaml.YAMLError(_TOO_DEEP)
    lines.setdefault(place, node.start_mark.line + 1)
    repeated: list[Place] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem=_NO_KEY, problem_mark=key.start_mark)
            inner = (*place, str(key.value))
            lines[inner] = key.start_mark.line + 1
            if key.value in seen:
                repeated.append(inner)
            seen.add(key.value)
            repeated.extend(_walk(value, inner, lines))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            repeated.extend(_walk(value, (*place, index), lines))
    return repeated
