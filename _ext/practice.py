"""Finish the pages while the book is built: links in outputs that work in the book, and the flashcards.

Outputs of notebooks link to notebooks; in the book these are pages. The question bank is written beside its page as an
Anki deck and as a CSV file, the same bytes for the same questions and commit.
"""

import csv
import io
import os
import re
import subprocess
import tempfile
import zipfile
from html import escape
from pathlib import Path

import genanki
import yaml
from single import anchor
from sphinx.util import logging

logger = logging.getLogger(__name__)

PART = "chapters/practice"
BANK = f"{PART}/question-bank"
DECK, MODEL = 1794203116, 1530977842  # drawn once; Anki knows deck and note type by them
FIELDS = ["Question", "Answer", "Level", "Kind", "Chapter"]
STYLE = ".card { font: 18px sans-serif; text-align: left; } .about { color: gray; font-size: 14px; }"
FRONT = '<p>{{Question}}</p><p class="about">{{Level}}, {{Kind}}</p>'
BACK = '{{FrontSide}}<hr id="answer">{{Answer}}<p class="about">{{Chapter}}</p>'
DOWNLOADS = (
    '<p class="downloads">Flashcards: <a href="questions.apkg" download>Anki deck</a>, '
    '<a href="questions.csv" download>CSV file</a>. An update of the deck keeps what Anki knows of your progress.</p>'
)


def inline(text):
    """A line of the question file as HTML; `code` is its only markup."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def listed(lines):
    """Several lines as an HTML list."""
    return "<ul>" + "".join(f"<li>{inline(line)}</li>" for line in lines) + "</ul>"


def note(question, model):
    """One question as a note; its identity follows from the question's id, so that an update keeps progress."""
    answer = (
        f"{listed(question['key_points'])}<p><b>Often said.</b> {inline(question['wrong'])}</p>"
        f"<p><b>What refutes it.</b> {inline(question['refuted_by'])}</p>"
        f"<p><b>Follow-ups</b></p>{listed(question['follow_ups'])}"
    )
    return genanki.Note(
        model=model,
        fields=[inline(question["question"]), answer, question["level"], question["kind"], question["topic"]],
        tags=[question["level"], question["kind"], question["topic"].replace("/", "::")],
        guid=genanki.guid_for("machine-learning-system-design-measured", question["id"]),
    )


def anki(questions, title, seconds):
    """An Anki package as bytes. `seconds`: the time written into it; Anki takes a note only if it is newer."""
    templates = [{"name": "Question", "qfmt": FRONT, "afmt": BACK}]
    model = genanki.Model(
        MODEL, title, fields=[{"name": name} for name in FIELDS], templates=templates, css=STYLE
    )
    deck = genanki.Deck(DECK, title)
    for question in questions:
        deck.add_note(note(question, model))
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "deck.apkg")
        genanki.Package(deck).write_to_file(package, timestamp=seconds)
        return same_bytes(package)


def same_bytes(package):
    """The files of a ZIP archive in a new one without the time of day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist()):
            new.writestr(zipfile.ZipInfo(name), old.read(name), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def table(questions):
    """The questions as CSV; the lines of a list are separated by line breaks within its cell."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, list(questions[0]), lineterminator="\n")
    writer.writeheader()
    for question in questions:
        writer.writerow({k: "\n".join(v) if isinstance(v, list) else v for k, v in question.items()})
    return buffer.getvalue()


def last_change(path):
    """Seconds since 1970 of the last commit of a file; outside git, of the file itself."""
    command = ["git", "-C", path.parent, "log", "-1", "--format=%ct", "--", path.name]
    try:
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return int(path.stat().st_mtime)


def write_flashcards(app, error):
    """Write deck and table beside the question bank's page."""
    if error or app.builder.name != "html" or BANK not in app.env.found_docs:
        return
    source = Path(app.srcdir, "datasets", "questions.yml")
    questions = yaml.safe_load(source.read_text(encoding="utf-8"))
    folder = Path(app.outdir, PART)
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or last_change(source))
    (folder / "questions.apkg").write_bytes(anki(questions, app.config.project, seconds))
    (folder / "questions.csv").write_text(table(questions), encoding="utf-8", newline="\n")


def page_link(app, pagename, match):
    """A link to a notebook as one to its page. The book's anchor of a heading may differ from its slug."""
    part, slug = match[1], match[2]
    anchors = app.env.metadata.get(f"chapters/{part}", {}).get("myst_slugs", {})
    if slug and slug not in anchors:
        logger.warning("%s: no heading of %s gives the anchor %s", pagename, part, slug)
    label = anchors[slug][1] if slug in anchors else ""
    if app.builder.name == "singlehtml":
        return f'<a href="#{anchor(f"chapters/{part}", label)}"'
    return f'<a href="../{part}.html' + (f"#{label}" if label else "") + '"'


def finish_page(app, pagename, templatename, context, doctree):
    """Lead links in outputs to pages, not to notebooks, and offer the flashcards."""
    if "body" in context:
        body = re.sub(
            r'<a href="\.\./([\w/-]+)\.ipynb(?:#([\w-]+))?"',
            lambda match: page_link(app, pagename, match),
            context["body"],
        )
        if app.builder.name == "html":
            body = body.replace('<p class="downloads" hidden></p>', DOWNLOADS)
        context["body"] = body


def setup(app):
    """Sphinx's entry point."""
    app.connect("html-page-context", finish_page)
    app.connect("build-finished", write_flashcards)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
