"""Elements of HTML and SVG: a tree of the standard library's, which escapes whatever a run's files hold."""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

Child = Element | str | None


def element(tag: str, *children: Child, **attributes: object) -> Element:
    """Make an element. A trailing `_` of an attribute goes, other `_` become `-`; None leaves the attribute out."""
    made = Element(tag, {_name(key): _text(value) for key, value in attributes.items() if value is not None})
    return append(made, *children)


def append(parent: Element, *children: Child) -> Element:
    """Put children, elements or text, behind those that are there; returns the parent."""
    for child in children:
        if child is None:
            continue
        if isinstance(child, Element):
            parent.append(child)
        elif len(parent):
            parent[-1].tail = (parent[-1].tail or "") + child
        else:
            parent.text = (parent.text or "") + child
    return parent


def scrolling(content: Element, label: str) -> Element:
    """A region that scrolls sideways where it is too wide, within reach of the keyboard."""
    return element("div", content, class_="scroll", tabindex=0, role="region", aria_label=label)


def html(root: Element) -> str:
    """The whole document as text."""
    return "<!doctype html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def _name(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")


def _text(value: object) -> str:
    # Pictures of a run hold thousands of coordinates: a tenth of a pixel is enough.
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
