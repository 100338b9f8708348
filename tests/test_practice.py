"""The questions, prompts and flashcards are complete, lead somewhere, and say what the chapters measured.

A faulty entry is named, with what is wrong about it.
"""

import copy
import csv
import io
import re
import sqlite3
import zipfile
from itertools import combinations

import jsonschema
import practice
import pytest
import yaml
from course import (
    CHAPTERS,
    DATASETS,
    TAUGHT,
    code_cells,
    headings,
    markdown,
    name,
    read_markdown,
    read_notebook,
    slug,
    sources,
)
from test_chapters import PROSE_DECIMAL, PROSE_PERCENT, agrees, shown_numbers

LEVELS = ["junior", "senior", "staff"]
KINDS = ["concept", "calculation", "design", "debugging", "judgement"]
SCORES = ["very_weak", "weak", "fair", "strong", "very_strong"]
DIMENSIONS = ["problem", "data", "modelling", "deployment", "communication"]
STEPS = ["clarify", "frame", "data", "model", "evaluation", "serving", "monitoring"]
CASES = {"recommender", "fraud", "churn"}
QUESTIONS, PROMPTS = 150, 12  # at least
PER_CHAPTER = 3
ALIKE = 0.8  # two questions that share so much of their longer words ask the same

ID = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}
TEXT = {"type": "string", "minLength": 3}
SENTENCE = {"type": "string", "minLength": 10, "pattern": r"[.?!]['\")]?$"}
LINK = {"type": "string", "pattern": r"^[a-z]+/[a-z0-9-]+\.ipynb(#[a-z0-9-]+)?$"}


def texts(least, most, item=SENTENCE):
    """Schema of a list of sentences."""
    return {"type": "array", "items": item, "minItems": least, "maxItems": most, "uniqueItems": True}


def mapping(**properties):
    """Schema of a mapping with just these keys, all required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


QUESTION = mapping(
    id=ID,
    topic={"type": "string", "pattern": "^[a-z]+/[a-z0-9-]+$"},
    level={"enum": LEVELS},
    kind={"enum": KINDS},
    question=SENTENCE,
    key_points=texts(2, 5),
    wrong=SENTENCE,
    refuted_by=SENTENCE,
    follow_ups=texts(1, 3),
    link={"type": "string", "pattern": r"^[a-z]+/[a-z0-9-]+\.ipynb#[a-z0-9-]+$"},
)
PROMPT = mapping(
    id=ID,
    title=TEXT,
    opening=SENTENCE,
    constraints=texts(5, 9, mapping(about=TEXT, answer=SENTENCE)),
    hints=mapping(**{step: texts(2, 4) for step in STEPS}),
    follow_ups=mapping(**{level: texts(2, 4) for level in LEVELS}),
    look_for=mapping(**{level: texts(2, 5) for level in LEVELS}),
    links=texts(2, 6, LINK),
)
ROW = mapping(
    dimension={"enum": DIMENSIONS},
    title=TEXT,
    level={"enum": LEVELS},
    **{score: {"type": "string", "minLength": 8} for score in SCORES},
    links=texts(1, 4, LINK),
)
SCHEMAS = {"questions": QUESTION, "prompts": PROMPT, "rubric": ROW}


def read(file):
    """The entries of datasets/<file>.yml."""
    return yaml.safe_load((DATASETS / f"{file}.yml").read_text(encoding="utf-8"))


def chapters():
    """The anchors of each chapter, by `part/topic`."""
    return {
        name(path): {slug(title) for _, title in headings(markdown(read_markdown(path)))} for path in sources()
    }


def called(entry, position):
    """How a message names an entry: by its id, or by its place and its first words."""
    if isinstance(entry, dict):
        if isinstance(entry.get("id"), str):
            return entry["id"]
        if "dimension" in entry:
            return f"{entry['dimension']}, {entry.get('level')}"
    return f"entry {position + 1} ({str(entry)[:60]}...)"


def strings(value):
    """All texts in an entry."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def problems(file, entries, known):
    """A line for each fault of a file's entries. `known`: the anchors of each chapter, by `part/topic`."""
    seen = set()
    for position, entry in enumerate(entries):
        where = f"datasets/{file}.yml: {called(entry, position)}"
        for error in jsonschema.Draft202012Validator(SCHEMAS[file]).iter_errors(entry):
            field = "/".join(str(part) for part in error.absolute_path)
            yield f"{where}: {field + ': ' if field else ''}{error.message}"
        if not isinstance(entry, dict):
            continue
        identity = entry.get("id") or (entry.get("dimension"), entry.get("level"))
        if identity in seen:
            yield f"{where}: stands twice"
        seen.add(identity)
        if "topic" in entry and entry["topic"] not in known:
            yield f"{where}: there is no chapter {entry['topic']}"
        for link in [entry.get("link"), *(entry.get("links") or [])]:
            path, _, anchor = str(link or "").partition("#")
            chapter = path.removesuffix(".ipynb")
            if link and chapter not in known:
                yield f"{where}: link {link}: there is no chapter {chapter}"
            elif anchor and anchor not in known[chapter]:
                yield f"{where}: link {link}: no heading gives this anchor"
        for text in strings(entry):
            markup = re.search(r"\*\*|\]\(|\$|</?[a-z]+>|^#|`", re.sub(r"`[^`]+`", "", text))
            if markup:
                yield f"{where}: {markup[0]!r} in {text[:50]!r}: `code` is the only markup that is rendered"


def long_words(text):
    """The words of more than three letters."""
    return {word for word in re.findall(r"[a-z0-9]+", text.lower()) if len(word) > 3}


def asked_twice(questions):
    """Pairs of questions that ask the same."""
    bags = [(question["id"], long_words(question["question"])) for question in questions]
    return [(a, b) for (a, x), (b, y) in combinations(bags, 2) if len(x & y) >= ALIKE * len(x | y)]


@pytest.mark.parametrize("file", SCHEMAS)
def test_entries_are_complete_and_lead_somewhere(file):
    found = list(problems(file, read(file), chapters()))
    assert not found, "\n".join(found)


def test_there_are_questions_for_every_chapter_level_and_kind():
    questions = read("questions")
    assert len(questions) >= QUESTIONS, (
        f"datasets/questions.yml: {len(questions)} questions, {QUESTIONS} are promised"
    )
    topics = [question["topic"] for question in questions]
    for source in sources():
        count = topics.count(name(source))
        assert count >= PER_CHAPTER or source.parent.name not in TAUGHT, (
            f"datasets/questions.yml: {name(source)} has {count} questions, at least {PER_CHAPTER} are wanted"
        )
    for field, values in (("level", LEVELS), ("kind", KINDS)):
        missing = set(values) - {question[field] for question in questions}
        assert not missing, f"datasets/questions.yml: no question of {field} {sorted(missing)}"


def test_no_two_questions_ask_the_same():
    found = asked_twice(read("questions"))
    assert not found, f"datasets/questions.yml: {found[0][0]} and {found[0][1]} ask the same"


def unsupported(question, numbers):
    """The decimals and percentages of a question's answer that its chapter does not show."""
    text = " ".join([*question["key_points"], question["refuted_by"]])
    for prose in PROSE_PERCENT.findall(text):
        if not any(agrees(prose, number, 100) or agrees(prose, number) for number in numbers):
            yield f"{prose}%"
    for prose in PROSE_DECIMAL.findall(PROSE_PERCENT.sub(" ", text)):
        if not any(agrees(prose, number) for number in numbers):
            yield prose


def test_numbers_in_answers_are_shown_by_the_linked_chapter():
    shown, found = {}, []
    for question in read("questions"):
        path = CHAPTERS / question["link"].partition("#")[0]
        if path not in shown:
            shown[path] = [number.rstrip(".,") for number in shown_numbers(read_notebook(path))]
        missing = list(unsupported(question, shown[path]))
        if missing:
            found.append(
                f"datasets/questions.yml: {question['id']}: {', '.join(missing)}: not shown by {name(path)}"
            )
    assert not found, "\n".join(found)


def test_there_are_enough_prompts_and_the_cases_among_them():
    prompts = {prompt["id"] for prompt in read("prompts")}
    assert len(prompts) >= PROMPTS, f"datasets/prompts.yml: {len(prompts)} prompts, {PROMPTS} are promised"
    assert prompts >= CASES, f"datasets/prompts.yml: no prompt for {sorted(CASES - prompts)}"


def test_the_rubric_is_complete():
    rows = {(row["dimension"], row["level"]) for row in read("rubric")}
    missing = {(dimension, level) for dimension in DIMENSIONS for level in LEVELS} - rows
    assert not missing, f"datasets/rubric.yml: lacks {sorted(missing)}"


def test_the_interview_has_the_steps_and_minutes_of_the_framework():
    framework = CHAPTERS / "interview" / "framework.md"
    if not framework.exists():
        pytest.skip("no chapter on the framework in this copy")
    rows = re.findall(r"^\| (\w+) \| (\d+) \| .+? \| (.+?) \|$", markdown(read_markdown(framework)), flags=re.M)
    taught = {step: (int(minutes), left) for step, minutes, left in rows}
    assert len(taught) == 7, "interview/framework: its table of seven steps and minutes is not found"
    interview = read_markdown(CHAPTERS / "practice" / "mock-interview.md")
    cell = next(cell.source for _, cell in code_cells(interview) if cell.source.startswith("STEPS"))
    scope = {}
    exec(cell, scope)
    assert scope["STEPS"] == taught, "practice/mock-interview: STEPS are not those of interview/framework"


# The flashcards

TIME = 1_700_000_000  # seconds


def notes(package):
    """(guid, fields, tags) of each note of an Anki package, and the number of its cards."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        connection = sqlite3.connect(":memory:")
        connection.deserialize(archive.read("collection.anki2"))
    rows = connection.execute("select guid, flds, tags from notes order by id").fetchall()
    (cards,) = connection.execute("select count(*) from cards").fetchone()
    connection.close()
    return rows, cards


def test_the_deck_has_a_card_for_each_question():
    questions = read("questions")
    rows, cards = notes(practice.anki(questions, "Title", TIME))
    assert len(rows) == cards == len(questions)
    for question, (_, fields, tags) in zip(questions, rows):
        front, back, *about = fields.split("\x1f")
        assert front == practice.inline(question["question"]) and practice.inline(question["wrong"]) in back
        assert about == [question["level"], question["kind"], question["topic"]]
        assert set(tags.split()) == {question["level"], question["kind"], question["topic"].replace("/", "::")}


def test_an_update_of_the_deck_keeps_the_identity_of_its_cards():
    questions = read("questions")
    before, _ = notes(practice.anki(questions, "Title", TIME))
    changed = copy.deepcopy(questions)[::-1]
    for question in changed:
        question["question"] += " Why?"
    after, _ = notes(practice.anki(changed, "Title", TIME + 86_400))
    assert len({guid for guid, _, _ in before}) == len(questions), "two cards have the same identity"
    assert [guid for guid, _, _ in before] == [guid for guid, _, _ in after][::-1]


def test_two_builds_of_the_flashcards_give_the_same_bytes():
    questions = read("questions")
    assert practice.anki(questions, "Title", TIME) == practice.anki(questions, "Title", TIME)
    assert practice.table(questions) == practice.table(questions)


def test_the_table_holds_every_question_whole():
    questions = read("questions")
    rows = list(csv.DictReader(io.StringIO(practice.table(questions), newline="")))
    assert [row["id"] for row in rows] == [question["id"] for question in questions]
    assert [row["key_points"].split("\n") for row in rows] == [question["key_points"] for question in questions]


def test_the_time_in_the_deck_is_that_of_the_last_change(tmp_path):
    path = tmp_path / "questions.yml"
    path.write_text("[]\n")
    assert practice.last_change(path) == int(path.stat().st_mtime), "outside git the file's own time counts"


# Planted faults


@pytest.mark.parametrize(
    "file, change, message",
    [
        ("questions", lambda e: e.pop("wrong"), "'wrong' is a required property"),
        ("questions", lambda e: e.update(level="principal"), "level: 'principal' is not one of"),
        ("questions", lambda e: e.update(kind="riddle"), "kind: 'riddle' is not one of"),
        (
            "questions",
            lambda e: e.update(topic="foundations/alchemy"),
            "there is no chapter foundations/alchemy",
        ),
        (
            "questions",
            lambda e: e.update(link="foundations/alchemy.ipynb#gold"),
            "there is no chapter foundations/alchemy",
        ),
        (
            "questions",
            lambda e: e.update(link=e["link"].partition("#")[0] + "#no-such-heading"),
            "no heading gives this anchor",
        ),
        (
            "questions",
            lambda e: e.update(key_points=["Only one point is given."]),
            "key_points: .* is too short",
        ),
        ("questions", lambda e: e.update(hint="None."), r"\('hint' was unexpected\)"),
        ("questions", lambda e: e.update(question="Is **this** bold?"), "only markup that is rendered"),
        ("prompts", lambda e: e["hints"].pop("data"), "hints: 'data' is a required property"),
        ("prompts", lambda e: e["follow_ups"].update(staff=[]), "follow_ups/staff: .*(too short|non-empty)"),
        ("prompts", lambda e: e.update(links=["foundations/alchemy.ipynb"] * 2), "there is no chapter"),
        ("rubric", lambda e: e.update(dimension="charm"), "'charm' is not one of"),
    ],
)
def test_a_faulty_entry_is_named(file, change, message):
    entries = read(file)
    change(entries[3])
    found = list(problems(file, entries, chapters()))
    named = called(entries[3], 3)
    assert found and all(line.startswith(f"datasets/{file}.yml: {named}: ") for line in found), found
    assert any(re.search(message, line) for line in found), found


def test_a_faulty_entry_without_an_id_is_named_by_its_place():
    entries = read("questions")
    words = entries[3]["question"][:20]
    entries[3] = {"question": entries[3]["question"]}
    found = list(problems("questions", entries, chapters()))
    assert any("entry 4 (" in line and words in line and "'id' is a required" in line for line in found), found


def test_an_id_that_stands_twice_is_named():
    entries = read("questions")
    entries[5]["id"] = entries[2]["id"]
    assert list(problems("questions", entries, chapters())) == [
        f"datasets/questions.yml: {entries[2]['id']}: stands twice"
    ]


def test_a_question_asked_twice_is_found():
    entries = read("questions")
    entries[5]["question"] = entries[2]["question"].replace(" the ", " this ")
    assert asked_twice(entries) == [(entries[2]["id"], entries[5]["id"])]


def test_an_invented_number_is_found():
    question = {"key_points": ["It gained 0.731 at 12.5%."], "refuted_by": "It lost 41.7 of 100."}
    assert list(unsupported(question, ["0.73", "0.125", "41.7"])) == ["0.731"]
