"""A page taken apart into tags, attributes and words, and names that try to break it."""

from __future__ import annotations

from html.parser import HTMLParser

HOSTILE = (
    "<img src=x onerror=alert(1)>\"'",
    "</script><script>alert(1)</script>",
    "</style><style>body{display:none}</style>",
    '"><svg onload=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;",
)


class Page(HTMLParser):
    """All tags, attributes and visible text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self.style = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]

    def handle_data(self, data):
        if self.tags[-1:] == ["style"] and not self.style:
            self.style = data
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words)
