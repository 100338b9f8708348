"""Draw Mermaid diagrams while the book is built, as pictures with the `accDescr:` line as alternative text.

sphinxcontrib-mermaid runs the command; it would embed the SVG as an object without an alternative text.
"""

import re
import shlex
import sys
from html import escape
from pathlib import Path

from docutils.nodes import SkipNode
from sphinxcontrib.mermaid import mermaid, render_mm


def visit_mermaid(translator, node):
    """Write one diagram as `<img>`; a diagram that cannot be drawn fails the build."""
    path, file = render_mm(translator, node["code"], node["options"], "svg")
    drawing = Path(file).read_text(encoding="utf-8")
    # A label's box is as wide as the letters of the machine that draws; elsewhere they may be narrower: centre them.
    centred = "display: grid; align-content: center; width: 100%; height: 100%;"
    Path(file).write_text(drawing.replace("display: table-cell;", centred), encoding="utf-8")
    _, _, width, height = re.search(r'viewBox="([^"]+)"', drawing)[1].split()
    # On a telephone a diagram shrinks to half its size, where its letters can just be read; wider ones scroll.
    size = (
        f'width="{float(width):.0f}" height="{float(height):.0f}" style="min-width: {float(width) / 2:.0f}px"'
    )
    description = re.search(r"^\s*accDescr:\s*(.+)$", node["code"], flags=re.M)
    text = escape(description[1].strip()) if description else ""
    translator.body.append(
        f'<div class="diagram"><img src="{path}" {size} alt="{text}" loading="lazy" /></div>\n'
    )
    raise SkipNode


def configure(app, config):
    """Let this environment's mermaidx draw, in the colours of the course."""
    config.mermaid_cmd = shlex.join([sys.executable, "-m", "mermaidx"])
    config.mermaid_params = ["--quiet", "--config", str(Path(__file__).with_name("mermaid.json"))]


def setup(app):
    """Sphinx's entry point."""
    app.setup_extension("sphinxcontrib.mermaid")
    app.connect("config-inited", configure)
    app.add_node(mermaid, override=True, html=(visit_mermaid, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
