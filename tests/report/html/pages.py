"""A page as a browser's parser sees it: elements, attributes, text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br"}


@dataclass
class Element:
    tag: str
    attributes: dict
    inside: list = field(default_factory=list)

    def all(self, tag):
        found = [self] if self.tag == tag else []
        for one in self.inside:
            if isinstance(one, Element):
                found += one.all(tag)
        return found

    @property
    def text(self):
        return "".join(one if isinstance(one, str) else one.text for one in self.inside)

    @property
    def classes(self):
        return (self.attributes.get("class") or "").split()


class Tree(HTMLParser):
    """Every element closed where it should be, or an AssertionError."""

    def __init__(self, text):
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]
        self.feed(text)
        self.close()
        assert self.open == [self.root]

    def handle_starttag(self, tag, attributes):
        element = Element(tag, dict(attributes))
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.open[-1].inside.append(Element(tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag

    def handle_data(self, data):
        self.open[-1].inside.append(data)


def tree(text):
    """The root of a page."""
    return Tree(text).root


def elements(root):
    """All of them."""
    for one in root.inside:
        if isinstance(one, Element):
            yield one
            yield from elements(one)
