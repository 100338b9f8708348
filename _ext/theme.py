"""Mend the theme: fewer and smaller files a page, and what a page tells screen readers and search engines.

The theme loads every icon there is as a script, nine stylesheets, and scripts for features that the course does not use.
"""

import base64
import logging
import re
import shutil
from io import BytesIO
from pathlib import Path
from textwrap import shorten

from docutils import nodes
from fontTools import subset
from PIL import Image

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it reports each table of a font

# What the pages need, in the order in which it must be read; each list becomes one file.
STYLES = [
    "basic.css",
    "styles/pydata-sphinx-theme.css",
    "pygments.css",
    "styles/sphinx-book-theme.css",
    "copybutton.css",
    "mystnb.*.css",
    "sphinx-design.min.css",
    "course.css",
]
SCRIPTS = [
    "documentation_options.js",
    "doctools.js",
    "sphinx_highlight.js",
    "clipboard.min.js",
    "copybutton.js",
    "scripts/sphinx-book-theme.js",
    "scripts/bootstrap.js",
    "scripts/pydata-sphinx-theme.js",
]
UNUSED = [
    *("vendor", "locales", "scripts/fontawesome.js*", "scripts/*.map", "styles/*.map"),
    *("mathjax/*.js", "mathjax/a11y", "mathjax/adaptors", "mathjax/output/svg*", "mathjax/sre", "mathjax/ui"),
]
ICON = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')


def describe(doctree):
    """What a page is about, in one or two sentences: its answer in brief, or its first paragraph."""
    texts = [paragraph.astext().replace("\n", " ") for paragraph in doctree.findall(nodes.paragraph)]
    brief = next((text for text in texts if text.startswith("In brief.")), texts[0] if texts else "")
    return shorten(brief.removeprefix("In brief."), 200, placeholder=" …")


def prepare_page(app, pagename, templatename, context, doctree):
    """Leave mathematics as the only script beside the bundle; let figures load lazily in a place of their size."""
    body = context.get("body", "")
    context["script_files"] = [
        script
        for script in context["script_files"]
        if 'class="math' in body and "mathjax" in f"{script.filename}{script.attributes.get('body')}".lower()
    ]
    context["description"] = describe(doctree) if doctree else app.config.html_title
    sources = {name: Path(app.srcdir, source) for source, name in app.builder.images.items()}

    def lazy(match):
        with Image.open(sources[match[2]]) as picture:
            width, height = picture.size
        return f'{match[1]} width="{width}" height="{height}" loading="lazy" '

    body = re.sub(r'(<img [^>]*src="[^"]*_images/([^"]+\.png)")', lazy, body)
    body = re.sub(r"<th[^>]*>(<p></p>)?</th>", "<td></td>", body)  # an empty corner of a table heads nothing
    context["body"] = body.replace(' aria-label="Toggle hidden content"', "")  # the text beside it says more


def icon_font(path, points):
    """The glyphs of a font that stand for these code points, as a `url(...)`; empty if there are none."""
    options = subset.Options(flavor="woff", layout_features=[], hinting=False, desubroutinize=True)
    font = subset.load_font(path, options)
    points = points & set(font.getBestCmap())
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=points)
    subsetter.subset(font)
    buffer = BytesIO()
    subset.save_font(font, buffer, options)
    return f"url(data:font/woff;base64,{base64.b64encode(buffer.getvalue()).decode()})" if points else 'url("")'


def bundle(app, exception):
    """Write one stylesheet with the icons in use, and one script; remove what no page asks for."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    script = ";\n".join((static / name).read_text(encoding="utf-8") for name in SCRIPTS)
    style = "\n".join(next(static.glob(name)).read_text(encoding="utf-8") for name in STYLES)
    pages = "".join(page.read_text(encoding="utf-8") for page in Path(app.outdir).rglob("*.html"))
    used = set(re.findall(r"\bfa-[\w-]+", script + pages))
    icons = [rule for rule in ICON.finditer(style) if used & set(re.findall(r"fa-[\w-]+", rule[1]))]
    elsewhere = re.findall(r'"\\([ef][0-9a-f]{3})"', ICON.sub("", style))
    points = {int(code, 16) for code in [*elsewhere, *(rule[2] for rule in icons)]}
    points |= {ord(letter) for letter in style if "\ue000" <= letter <= "\uf8ff"}
    style = ICON.sub(lambda rule: rule[0] if int(rule[2], 16) in points else "", style)
    style = re.sub(
        r"url\(\.\./(vendor/fontawesome/webfonts/[\w-]+)\.woff2\) format\(\"woff2\"\),url\([^)]*\) format\(\"truetype\"\)",
        lambda match: icon_font(static / f"{match[1]}.ttf", points),
        style,
    )
    # The list of a page's sections stands beside the text only where code keeps its width.
    style = style.replace("1200px", "1600px").replace("1199.98px", "1599.98px")
    (static / "bundle.css").write_text(style, encoding="utf-8")
    (static / "bundle.js").write_text(script, encoding="utf-8")
    for path in {path for pattern in UNUSED for path in static.glob(pattern) if path.name != "tex-chtml.js"}:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def setup(app):
    """Sphinx's entry point. The theme itself writes files at the end of the build: come after it."""
    app.connect("html-page-context", prepare_page, priority=900)
    app.connect("build-finished", bundle, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
