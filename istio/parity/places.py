"""Where each part of parsed objects is written: object, path, file and line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from istio.objects.document import Document, Key
from istio.objects.model import Model
from istio.objects.parse import IstioObject, Objects
from istio.objects.refusal import Place, dotted


@dataclass(frozen=True, slots=True)
class Written:
    """A field that somebody wrote: `DestinationRule airport/alerts`, a dotted path; no file, and line 0, if unknown."""

    object: str
    path: str
    file: str = ""
    line: int = 0


class Places:
    """Finds the parts of `objects` again by what they are: the compiler hands them on, and never copies one."""

    def __init__(self, objects: Objects, documents: Sequence[Document] = ()) -> None:
        read = {one.key: one for one in documents}
        self._parts: dict[int, tuple[Model, IstioObject, Place, Document | None]] = {}
        for one in _every(objects):
            document = read.get(Key(one.kind, one.metadata.namespace, one.metadata.name))
            for part, place in _parts(one.spec, ("spec",)):
                self._parts[id(part)] = (part, one, place, document)

    def of(self, part: Model | None, field: str) -> Written | None:
        """Where a field of a part is written; None when nobody wrote it."""
        found = self._parts.get(id(part))
        if part is None or found is None or field not in part.model_fields_set:
            return None
        _, one, place, document = found
        place = (*place, str(type(part).model_fields[field].alias))
        name = f"{one.kind} {one.metadata.namespace}/{one.metadata.name}"
        if document is None:
            return Written(name, dotted(place))
        return Written(name, dotted(place), document.file, document.line(place))


def _every(objects: Objects) -> Iterator[IstioObject]:
    for kind in fields(objects):
        if kind.compare:  # warnings are no objects
            yield from getattr(objects, kind.name)


def _parts(part: object, place: Place) -> Iterator[tuple[Model, Place]]:
    """Every model inside a part, itself included, with its place."""
    if isinstance(part, Model):
        yield part, place
        for name, field in type(part).model_fields.items():
            yield from _parts(getattr(part, name), (*place, str(field.alias)))
    elif isinstance(part, tuple):
        for index, item in enumerate(part):
            yield from _parts(item, (*place, index))
