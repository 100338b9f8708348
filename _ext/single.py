"""The book on one page (`make page`): every anchor once, and every link leads to a place on the page.

Sphinx puts the chapters one below the other as they are. Their headings share anchors (each has its "What breaks"), and
a link to one of them would lead to the first.
"""

from docutils import nodes
from sphinx.addnodes import start_of_file

START = "#document-"  # Sphinx's anchor of a chapter on the page, before the chapter's name


def anchor(docname, label=""):
    """The anchor of a heading of a chapter on the page; without a label, the chapter's own."""
    return f"{docname}-{label}".replace("/", "-") if label else START[1:] + docname


def name_anchors(app, doctree, docname):
    """Put the chapter's name before every anchor, and into every link."""
    if app.builder.name != "singlehtml":
        return
    for chapter in doctree.findall(start_of_file):
        for node in chapter.findall(nodes.Element):
            for key in ("ids", "backrefs"):
                node[key] = [anchor(chapter["docname"], label) for label in node.get(key, [])]
            if "refid" in node:
                node["refid"] = anchor(chapter["docname"], node["refid"])
    for node in doctree.findall(nodes.reference):
        if node.get("refuri", "").startswith(START):
            target, _, label = node["refuri"].removeprefix(START).partition("#")
            front = target == app.config.root_doc  # its anchors stay as they are; the page begins with it
            node["refuri"] = "#" + (label if front else anchor(target, label))


def setup(app):
    """Sphinx's entry point."""
    app.connect("doctree-resolved", name_anchors, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
