"""Every chapter keeps the course's promises to its reader: anatomy, claims, numbers, figures, links."""

import ast
import re

import pytest
from course import (
    CHAPTERS,
    DATASETS,
    ROOT,
    TAUGHT,
    TEMPLATE,
    claims,
    code_cells,
    headings,
    links,
    markdown,
    name,
    output_text,
    pages,
    read_markdown,
    read_notebook,
    reading_minutes,
    slug,
    sources,
    tags,
    without_code,
    words,
)

PARTS_OF_A_CHAPTER = [
    "What breaks",
    "Trade-offs",
    "In the interview",
    "Check yourself",
    "Exercises",
    "Further reading",
]
PARTS_OF_THE_INTERVIEW = ["The two-minute answer", "Follow-ups", "What people say", "Senior and staff"]
WORDS = {"cases": (1500, 3500)}
CLAIMS = {"cases": 10}
LONGEST_CELL, MEDIAN_CELL = 25, 12
DIRECTIVES = {"admonition", "note", "tip", "warning", "dropdown"}

taught = [path for path in sources() if path.parent.name in TAUGHT]
taught_and_template = pytest.mark.parametrize("source", [*taught, TEMPLATE], ids=name)
every_chapter = pytest.mark.parametrize("source", [*sources(), TEMPLATE], ids=name)
every_page = pytest.mark.parametrize("source", [*sources(), TEMPLATE, *pages()], ids=name)
executed = pytest.mark.parametrize("source", sources(), ids=name)


def section(text, title):
    """The text under the `##` heading `title`, up to the next `##`."""
    match = re.search(rf"^## {re.escape(title)}\s*$(.*?)(?=^## |\Z)", text, flags=re.S | re.M)
    return match[1] if match else ""


def lines_of(cell):
    """Number of lines of a cell that are not blank."""
    return sum(bool(line.strip()) for line in cell.source.splitlines())


# Anatomy


@taught_and_template
def test_chapter_opens_with_the_question_and_the_answer_in_brief(source):
    text = markdown(read_markdown(source))
    assert re.match(
        r'# .+\n\n:::\{admonition\} The interviewer asks\n".+"\n\n\*\*In brief\.\*\* .+\n:::', text
    ), (
        f'{name(source)}: open with `# Title`, then the admonition "The interviewer asks" with the question in '
        "quotation marks and a line that starts with **In brief.**"
    )


@taught_and_template
def test_chapter_says_what_the_reader_needs_before_the_start(source):
    text = markdown(read_markdown(source))
    box = re.search(r":::\{admonition\} Before you start\n(.*?)\n:::", text, flags=re.S)
    for part in ("You will be able to", "You need", "Time", "Data"):
        assert box and f"**{part}**" in box[1], f'{name(source)}: the box "Before you start" lacks **{part}**'


@pytest.mark.parametrize("source", [each for each in sources() if each.parent.name != "practice"], ids=name)
def test_the_stated_time_to_read_follows_from_the_length(source):
    notebook = read_markdown(source)
    stated = re.search(r"\*\*Time\*\* (\d+) minutes to read", markdown(notebook))
    needed = reading_minutes(notebook)
    assert stated and abs(int(stated[1]) - needed) <= 5, (
        f"{name(source)}: the time to read is {stated[1] if stated else 'not'} stated; 200 words and 30 lines of code a "
        f"minute make {needed} minutes"
    )


@executed
def test_no_output_shows_where_an_object_lies_in_memory(source):
    for index, cell in code_cells(read_notebook(source.with_suffix(".ipynb"))):
        found = re.search(r" at 0x[0-9a-f]{6,}", output_text(cell))
        assert not found, (
            f"{name(source)}: cell {index} shows an object{found[0]}, another in each run: print a value"
        )


@taught_and_template
def test_chapter_has_its_parts_in_order(source):
    found = [title for level, title in headings(markdown(read_markdown(source))) if level == 2]
    assert found[-len(PARTS_OF_A_CHAPTER) :] == PARTS_OF_A_CHAPTER, (
        f"{name(source)}: the last `##` headings are {found[-6:]}, they must be {PARTS_OF_A_CHAPTER}"
    )
    assert 3 <= len(found) - len(PARTS_OF_A_CHAPTER) <= 5 or source == TEMPLATE, (
        f"{name(source)}: {len(found) - len(PARTS_OF_A_CHAPTER)} sections before What breaks, there must be three to five"
    )


@taught_and_template
def test_the_interview_section_is_complete(source):
    text = section(markdown(read_markdown(source)), "In the interview")
    assert [title for level, title in headings(text) if level == 3] == PARTS_OF_THE_INTERVIEW, (
        f"{name(source)}: under In the interview the `###` headings must be {PARTS_OF_THE_INTERVIEW}"
    )


@taught_and_template
def test_every_section_asks_for_a_prediction_and_ends_in_a_claim(source):
    notebook = read_markdown(source)
    sections, current = {}, None
    for cell in notebook.cells:
        title = re.search(r"^## (.+)$", cell.source, flags=re.M) if cell.cell_type == "markdown" else None
        current = title[1] if title else current
        sections.setdefault(current, []).append(cell)
    for title, cells in sections.items():
        if title is None or title in PARTS_OF_A_CHAPTER[1:]:
            continue
        assert any("claim" in tags(cell) for cell in cells), (
            f"{name(source)}: section {title!r} has no claim cell"
        )
        if title != "What breaks":
            text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
            assert re.search(r"\*\*Predict\.\*\*.*?:::\{dropdown\}", text, flags=re.S), (
                f"{name(source)}: section {title!r} lacks **Predict.** with its answer in a dropdown"
            )


@taught_and_template
def test_trade_offs_hold_a_table(source):
    text = section(markdown(read_markdown(source)), "Trade-offs")
    assert re.search(r"^\|.*\|\n\|[-:| ]+\|\n(\|.*\|\n?){2,}", text, flags=re.M), (
        f"{name(source)}: Trade-offs needs a table of at least two options"
    )


@taught_and_template
def test_at_least_four_questions_each_with_its_answer(source):
    text = section(markdown(read_markdown(source)), "Check yourself")
    parts = re.split(r"^:::\{dropdown\}.*?^:::$", text, flags=re.S | re.M)
    asked = sum(bool(part.strip()) for part in parts)
    answered = text.count(":::{dropdown}")
    assert min(asked, answered) >= 4 and asked == answered, (
        f"{name(source)}: Check yourself has {asked} questions and {answered} answers, at least four of each are needed"
    )


@taught_and_template
def test_at_least_two_exercises_each_with_a_starter_and_a_collapsed_solution(source):
    notebook = read_markdown(source)
    exercises = re.findall(r"^### Exercise \d+", section(markdown(notebook), "Exercises"), flags=re.M)
    solutions = [(index, cell) for index, cell in code_cells(notebook) if "solution" in tags(cell)]
    assert len(exercises) >= 2 and len(solutions) >= len(exercises), (
        f"{name(source)}: {len(exercises)} exercises, {len(solutions)} solution cells: at least two of each"
    )
    for index, cell in solutions:
        hidden = cell.metadata.get("jupyter", {})
        collapsed = "hide-cell" in tags(cell) and hidden.get("source_hidden") and hidden.get("outputs_hidden")
        assert collapsed and cell.source.startswith("# Solution"), (
            f"{name(source)}: solution cell {index} must start with `# Solution` and be collapsed in the book "
            "(tag hide-cell) and in JupyterLab (jupyter: source_hidden, outputs_hidden)"
        )


@taught_and_template
def test_further_reading_has_three_to_six_linked_entries_with_a_year(source):
    entries = re.findall(r"^- .*", section(markdown(read_markdown(source)), "Further reading"), flags=re.M)
    assert 3 <= len(entries) <= 6, (
        f"{name(source)}: {len(entries)} entries of further reading, three to six are needed"
    )
    for entry in entries:
        assert re.search(r"\b(18|19|20)\d\d\b", entry) and "](https://" in entry, (
            f"{name(source)}: further reading needs a year and an https link: {entry[:80]}"
        )


@executed
def test_length_is_that_of_a_chapter(source):
    low, high = WORDS.get(source.parent.name, (1500, 2500))
    count = words(markdown(read_markdown(source)))
    assert source.parent.name not in TAUGHT or low <= count <= high, (
        f"{name(source)}: {count} words, between {low} and {high} are wanted"
    )


# Code


@every_chapter
def test_cells_are_short(source):
    lengths = sorted(lines_of(cell) for _, cell in code_cells(read_markdown(source)))
    too_long = [index for index, cell in code_cells(read_markdown(source)) if lines_of(cell) > LONGEST_CELL]
    assert not too_long, f"{name(source)}: cell {too_long[0]} is longer than {LONGEST_CELL} lines: split it"
    assert lengths[len(lengths) // 2] < MEDIAN_CELL, (
        f"{name(source)}: the median cell has {lengths[len(lengths) // 2]} lines"
    )


@every_chapter
def test_randomness_comes_from_the_one_seed(source):
    cells = code_cells(read_markdown(source))
    has_seed = cells and re.search(r"^SEED = \d+$", cells[0][1].source, flags=re.M)
    about_the_course = source.parent.name == "practice" or source.stem == "index"
    assert has_seed or about_the_course, (  # such a page simulates nothing
        f"{name(source)}: the setup cell must set SEED, from which all randomness comes"
    )
    for index, cell in cells:
        fixed = re.search(r"random_state=\d|default_rng\((\d*)\)|np\.random\.seed|manual_seed\(\d", cell.source)
        assert not fixed, f"{name(source)}: cell {index}: `{fixed[0]}` does not derive from SEED"


@every_chapter
def test_figures_use_the_course_style(source):
    cells = [cell.source for _, cell in code_cells(read_markdown(source))]
    draws = any("plt." in text for text in cells)
    assert not draws or 'plt.style.use("../../course.mplstyle")' in cells[0], (
        f'{name(source)}: the setup cell must say plt.style.use("../../course.mplstyle")'
    )


# Claims


@every_chapter
def test_claims_are_asserts_with_a_sentence(source):
    for index, cell in code_cells(read_markdown(source)):
        if "claim" not in tags(cell):
            assert not re.search(r"^assert ", cell.source, flags=re.M), (
                f"{name(source)}: cell {index} asserts without the tag claim"
            )
            continue
        for node in ast.parse(cell.source).body:
            where = f"{name(source)}: claim cell {index}, line {node.lineno}"
            assert isinstance(node, ast.Assert), f"{where}: a claim cell holds asserts only"
            assert isinstance(node.msg, ast.Constant) and isinstance(node.msg.value, str), (
                f"{where}: the claim needs its sentence as a plain string"
            )
            sentence = node.msg.value
            assert len(sentence.split()) >= 6 and re.match(r"[A-Z0-9].*\.$", sentence, flags=re.S), (
                f"{where}: not a full sentence: {sentence!r}"
            )
            assert not re.match(r"(It|This|That|These|They)\b", sentence), (
                f"{where}: read on its own it is unclear what is meant: {sentence!r}"
            )
            assert any(isinstance(part, ast.Name) for part in ast.walk(node.test)), (
                f"{where}: it tests nothing that was computed"
            )


@taught_and_template
def test_enough_claims_and_no_two_alike(source):
    sentences = [sentence for _, sentence in claims(read_markdown(source))]
    needed = 1 if source == TEMPLATE else CLAIMS.get(source.parent.name, 6)
    assert len(sentences) >= needed, f"{name(source)}: {len(sentences)} claims, at least {needed} are needed"
    assert len(set(sentences)) == len(sentences), f"{name(source)}: two claims say the same"


@every_chapter
def test_cells_that_are_not_compared_are_guarded_by_a_claim(source):
    cells = read_markdown(source).cells
    for index, cell in enumerate(cells):
        if "nbval-ignore-output" not in tags(cell):
            continue
        rest = cells[index + 1 :]
        stop = next(
            (
                i
                for i, c in enumerate(rest)
                if c.cell_type == "markdown" and re.search(r"^## ", c.source, flags=re.M)
            ),
            len(rest),
        )
        assert any("claim" in tags(c) for c in rest[:stop]) or "solution" in tags(cell), (
            f"{name(source)}: cell {index} is not compared; a claim in its section must guard it"
        )


# Numbers in prose

NUMBER = r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\w]|[.,]\d)"
PROSE_DECIMAL = re.compile(r"(?<![\w.,])(\d[\d,]*\.\d+)(?![\w.]*\d)")
PROSE_PERCENT = re.compile(r"(?<![\w.,])(\d[\d,]*(?:\.\d+)?)\s?(?:%|per cent|percent)")
INTERVAL = re.compile(r"9[059]\s?%(?= (?:confidence |bootstrap )*intervals?)")


def value(text):
    """A printed number as a float."""
    return float(text.replace(",", ""))


def agrees(prose, printed, scale=1):
    """True if a printed number, rounded as in the prose, is the number in the prose (a text)."""
    decimals = len(prose.partition(".")[2])
    return abs(value(printed) * scale - value(prose)) <= 0.5 * 10**-decimals + 1e-9


def shown_numbers(notebook):
    """All numbers in the outputs and in the claims of a notebook, as printed."""
    texts = [output_text(cell) for _, cell in code_cells(notebook)]
    texts += [sentence for _, sentence in claims(notebook)]
    return re.findall(r"\d[\d,]*\.?\d*(?:[eE][-+]?\d+)?", "\n".join(texts))


def unsupported_numbers(notebook):
    """The decimals and percentages of the prose that no output and no claim shows."""
    numbers = [number.rstrip(".,") for number in shown_numbers(notebook)]
    for paragraph in re.split(r"\n\s*\n", INTERVAL.sub(" ", without_code(markdown(notebook)))):
        if "](http" in paragraph:
            continue
        text = re.sub(r"\]\([^)]*\)", "]", paragraph)
        percents = PROSE_PERCENT.findall(text)
        for prose in percents:
            if not any(agrees(prose, number, 100) or agrees(prose, number) for number in numbers):
                yield f"{prose}%"
        for prose in PROSE_DECIMAL.findall(PROSE_PERCENT.sub(" ", text)):
            if not any(agrees(prose, number) for number in numbers):
                yield prose


@executed
def test_numbers_in_prose_are_shown_by_a_cell(source):
    missing = list(unsupported_numbers(read_notebook(source.with_suffix(".ipynb"))))
    assert not missing, (
        f"{name(source)}: the prose says {', '.join(missing)}, which no output and no claim of the chapter shows: "
        "print it, correct it, or cite its source in the same paragraph"
    )


# Figures


@executed
def test_every_figure_has_an_alternative_text(source):
    for index, cell in code_cells(read_notebook(source.with_suffix(".ipynb"))):
        drawn = any("image/png" in output.get("data", {}) for output in cell.outputs)
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        assert not drawn or len(alt) >= 40, (
            f"{name(source)}: the figure of cell {index} needs mystnb: image: alt: what it shows, in a sentence"
        )
        assert not drawn or cell.source.rstrip().endswith("plt.show()"), (
            f"{name(source)}: end cell {index} with plt.show()"
        )


@every_chapter
def test_diagrams_have_a_description(source):
    for diagram in re.findall(r"^```mermaid$(.*?)^```$", markdown(read_markdown(source)), flags=re.S | re.M):
        assert "accDescr:" in diagram, (
            f"{name(source)}: a diagram needs a line `accDescr:` that says what it shows"
        )


# Markdown that renders everywhere


@every_page
def test_only_markup_that_renders_everywhere(source):
    text = markdown(read_markdown(source))
    used = set(re.findall(r"^:{3,}\{([^}]*)\}", text, flags=re.M))
    assert used <= DIRECTIVES, (
        f"{name(source)}: directive {sorted(used - DIRECTIVES)} does not render on all surfaces"
    )
    opened, closed = len(re.findall(r"^:::\{", text, flags=re.M)), len(re.findall(r"^:::$", text, flags=re.M))
    assert opened == closed, f"{name(source)}: {opened} `:::` blocks are opened, {closed} closed"
    assert not re.search(r"^:[\w-]+:", text, flags=re.M), (
        f"{name(source)}: directive options show as text outside the book"
    )
    fences = set(re.findall(r"^```(\S.*)$", text, flags=re.M)) - {
        "python",
        "text",
        "bash",
        "mermaid",
        "yaml",
        "markdown",
    }
    assert not fences, f"{name(source)}: fence {sorted(fences)} does not render on all surfaces"
    prose = without_code(text)
    role = re.search(r"\{[a-z:]+\}`", text)
    assert not role, f"{name(source)}: role {role and role[0]} shows as text outside the book"
    html = re.search(r"</?[a-z][a-z0-9]*(\s[^>]*)?>", prose)
    assert not html, f"{name(source)}: HTML {html and html[0]!r}: use Markdown"


@every_page
def test_links_lead_somewhere(source):
    text = markdown(read_markdown(source))
    here = CHAPTERS / "foundations" if source == TEMPLATE else source.parent
    for link in links(text):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            assert link.startswith("https://"), f"{name(source)}: {link}: only https links"
            continue
        target = (here / path).resolve() if path else source
        assert target.exists(), f"{name(source)}: {link} leads nowhere"
        assert not (path.endswith(".md") and target.parent.parent == CHAPTERS), (
            f"{name(source)}: {link}: link to the .ipynb"
        )
        assert target not in (TEMPLATE, DATASETS / "README.md"), (
            f"{name(source)}: {link} is not a page of the book"
        )
        if anchor:
            target = target.with_suffix(".md") if target.suffix == ".ipynb" else target
            anchors = {slug(title) for _, title in headings(markdown(read_markdown(target)))}
            assert anchor in anchors, f"{name(source)}: {link}: no heading gives this anchor"


@every_page
def test_one_title_and_no_level_left_out(source):
    levels = [level for level, _ in headings(markdown(read_markdown(source)))]
    assert levels.count(1) == 1 and levels[0] == 1, f"{name(source)}: exactly one `# Title`, first"
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:])), f"{name(source)}: a heading skips a level"
    titles = [slug(title) for _, title in headings(markdown(read_markdown(source)))]
    assert len(set(titles)) == len(titles), f"{name(source)}: two headings give the same anchor"


@every_page
def test_data_files_that_are_named_exist(source):
    for path in re.findall(r"datasets/[\w.-]+\.\w+", source.read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), f"{name(source)}: {path} does not exist"
