"""The practice pages work in a browser: by keyboard, asking no other server, after a reload, in either colour mode.

The system's Chromium reads the built book from a server of this machine. Where there is no Chromium, these tests are
skipped. They do not open files: there Chromium may load a page again before it has stored what the last one wrote.
"""

import json
import re
from datetime import datetime

import pytest
from course import CHAPTERS, chromium, code_cells, read_notebook
from playwright.sync_api import expect, sync_playwright
from server import serve

pytestmark = [
    pytest.mark.xdist_group("book"),
    pytest.mark.skipif(
        chromium() is None,
        reason="no Chromium on this machine: install the package `chromium` to test the practice pages",
    ),
]

KEY = "ml-system-design-measured/mock-interview"
STEPS = ["Clarify", "Frame", "Data", "Model", "Evaluation", "Serving", "Monitoring"]
DIMENSIONS = ["Problem", "Data and features", "Modelling", "Deployment", "Communication"]
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(html):
    """The address of the built book."""
    with serve(html) as (address, _):
        yield address


@pytest.fixture
def visit(browser, address):
    """Open a practice page in a fresh profile: `visit("question-bank", "#q-...", **options of the profile)`."""
    profiles = []

    def visit(name, anchor="", script=None, **options):
        profile = browser.new_context(**options)
        profiles.append(profile)
        profile.set_default_timeout(10_000)
        if options.get("color_scheme"):
            mode = options["color_scheme"]
            profile.add_init_script(
                f"localStorage.setItem('mode', '{mode}'); localStorage.setItem('theme', '{mode}')"
            )
        if script:
            profile.add_init_script(script)
        page = profile.new_page()
        page.requested = []
        page.on("request", lambda request: page.requested.append(request.url))
        page.goto(f"{address}chapters/practice/{name}.html{anchor}")
        return page

    yield visit
    for profile in profiles:
        profile.close()


def press_until(page, name, key="Tab", most=150):
    """Press a key until the element with this accessible name has the focus, as one does without a mouse."""
    wanted = """name => {
        const node = document.activeElement;
        const label = node.labels?.[0]?.textContent ?? node.getAttribute("aria-label") ?? node.textContent;
        return label.replace(/\\s+/g, " ").trim().startsWith(name);
    }"""
    for _ in range(most):
        page.keyboard.press(key)
        if page.evaluate(wanted, name):
            return
    raise AssertionError(f"{most} times {key} do not lead to {name!r}")


def focus_is_visible(page):
    """True if the focused element has an outline."""
    return page.evaluate(
        "() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 }"
    )


def stored(page, key=KEY):
    """What the page keeps in the browser."""
    return page.evaluate("key => localStorage.getItem(key)", key)


def choose(page, field, value):
    """Select a value in the field with this label."""
    page.get_by_role("combobox", name=field, exact=True).select_option(value)


def start(page, prompt="fraud", level="senior"):
    """Begin an interview with the mouse."""
    choose(page, "Prompt", prompt)
    choose(page, "Level", level)
    page.get_by_role("button", name="Start the interview").click()


# The question bank


def shown(page):
    """The questions that can be seen."""
    return page.locator("article.question:visible")


def test_the_bank_is_filtered_by_topic_level_kind_and_words(visit):
    page = visit("question-bank")
    articles = page.locator("article.question")
    everything = articles.count()
    said = page.get_by_role("status").first
    expect(said).to_have_text(f"{everything} of {everything} questions")
    for field in ("level", "kind"):
        value = articles.nth(2).get_attribute(f"data-{field}")
        choose(page, field.capitalize(), value)
        expect(shown(page)).to_have_count(page.locator(f"article.question[data-{field}={value}]").count())
        choose(page, field.capitalize(), "")
    topic = page.locator("section.topic").nth(1)
    choose(page, "Topic", topic.get_attribute("data-topic"))
    expect(shown(page)).to_have_count(topic.locator("article").count())
    expect(said).to_have_text(f"{topic.locator('article').count()} of {everything} questions")
    page.get_by_role("searchbox", name="Words").fill("no such words anywhere")
    expect(shown(page)).to_have_count(0)
    page.get_by_role("button", name="Clear the filters").click()
    expect(shown(page)).to_have_count(everything)
    words = articles.nth(4).locator("h4").inner_text().upper()
    page.get_by_role("searchbox", name="Words").fill(words)
    expect(said).not_to_have_text(f"{everything} of {everything} questions")
    assert words in shown(page).first.locator("h4").inner_text().upper() or shown(page).count() < everything / 4


def test_answers_are_revealed_one_by_one_by_keyboard(visit):
    page = visit("question-bank")
    press_until(page, "Topic")
    press_until(page, "Answer")
    assert focus_is_visible(page)
    page.keyboard.press("Enter")
    expect(page.locator("article.question details[open]")).to_have_count(1)
    press_until(page, "Answer")
    page.keyboard.press("Space")
    expect(page.locator("article.question details[open]")).to_have_count(2)
    page.get_by_role("button", name="Close all answers").click()
    expect(page.locator("article.question details[open]")).to_have_count(0)


def test_a_deep_link_opens_its_question_whatever_the_filters_say(visit):
    page = visit("question-bank")
    first, second = (page.locator("article.question").nth(position).get_attribute("id") for position in (3, 9))
    page = visit("question-bank", f"#{first}")
    expect(page.locator(f"#{first} details")).to_have_attribute("open", "")
    expect(page.locator(f"#{first}")).to_be_in_viewport()
    page.get_by_role("searchbox", name="Words").fill("no such words anywhere")
    expect(shown(page)).to_have_count(0)
    page.evaluate("id => { location.hash = id }", second)
    expect(page.locator(f"#{second} details")).to_have_attribute("open", "")
    expect(page.locator(f"#{second}")).to_be_in_viewport()
    assert page.evaluate("document.activeElement.id") == second, "what is read next is not the question"


def test_one_question_can_be_drawn(visit):
    page = visit("question-bank")
    choose(page, "Level", "staff")
    page.get_by_role("button", name="Draw one").click()
    drawn = page.locator("article.question:focus")
    expect(drawn).to_have_count(1)
    expect(drawn).to_be_in_viewport()
    assert drawn.get_attribute("data-level") == "staff"


@pytest.mark.parametrize("name", ["question-bank", "mock-interview"])
def test_without_javascript_the_page_can_be_read(visit, name):
    page = visit(name, java_script_enabled=False)
    article = page.locator("article.bd-article")
    expect(article.locator("button, select, input, textarea").locator("visible=true")).to_have_count(0)
    answers = article.locator("[data-practice] details")
    assert answers.count() >= 12
    answers.first.locator("summary").click()
    expect(answers.first.locator("> :nth-child(2)")).to_be_visible()
    if name == "question-bank":
        expect(shown(page)).to_have_count(page.locator("article.question").count())


@pytest.mark.parametrize("name", ["question-bank", "mock-interview"])
def test_the_page_needs_no_other_server_and_every_control_has_a_name(visit, address, name):
    page = visit(name)
    if name == "mock-interview":
        start(page)
    assert all(url.startswith((address, "data:", "blob:")) for url in page.requested), page.requested
    unnamed = page.evaluate("""() => [...document.querySelectorAll("[data-practice] :is(input, select, textarea)")]
        .filter(node => !node.labels.length && !node.getAttribute("aria-label")).map(node => node.outerHTML)""")
    assert not unnamed, unnamed
    twice = page.evaluate("""() => { const ids = [...document.querySelectorAll("[id]")].map(node => node.id);
        return ids.filter((id, index) => ids.indexOf(id) !== index) }""")
    assert not twice, f"{name}: ids that stand twice: {twice[:5]}"


def test_the_flashcards_are_offered_beside_the_bank(visit, html):
    page = visit("question-bank")
    for label, file in (("Anki deck", "questions.apkg"), ("CSV file", "questions.csv")):
        expect(page.get_by_role("link", name=label)).to_have_attribute("href", file)
        assert (html / "chapters" / "practice" / file).stat().st_size > 1000


# Both pages to the eye

CONTRAST = """() => {
    const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (node) => {
        for (; node; node = node.parentElement) {
            const colour = parse(getComputedStyle(node).backgroundColor);
            if (colour.length === 3 || colour[3] > 0.5) return colour;
        }
        return [255, 255, 255];
    };
    const poor = [];
    for (const node of document.querySelectorAll("[data-practice] *")) {
        const own = [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
        if (!own || !node.checkVisibility() || ["STYLE", "SCRIPT", "OPTION"].includes(node.tagName)) continue;
        const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) poor.push(`${node.tagName}: ${node.textContent.trim().slice(0, 30)}: ${ratio.toFixed(1)}`);
    }
    return poor;
}"""


def stages(page, name):
    """Bring a page into its states, one after the other."""
    yield "at first"
    if name == "question-bank":
        shown(page).first.locator("summary").click()
        yield "with an answer open"
        page.get_by_role("searchbox", name="Words").fill("no such words anywhere")
        expect(shown(page)).to_have_count(0)
        yield "with nothing found"
        return
    page.locator(".interviewer-cards > summary").click()
    for summary in page.locator(".interviewer-cards section.prompt").first.locator("summary").all():
        summary.click()
    yield "with the cards open"
    start(page)
    page.get_by_role("button", name="Give me a hint").click()
    page.get_by_role("button", name="Ask me a follow-up").click()
    yield "in the interview"
    page.get_by_role("button", name="Finish and score").click()
    yield "scoring"
    for dimension in DIMENSIONS:
        page.get_by_role("group", name=dimension).get_by_role("radio").first.check()
    page.get_by_role("button", name="Show the summary").click()
    yield "in the summary"


@pytest.mark.parametrize("name", ["question-bank", "mock-interview"])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_has_contrast_and_fits_a_telephone(visit, name, mode):
    page = visit(name, viewport=PHONE, color_scheme=mode)
    for stage in stages(page, name):
        poor = page.evaluate(CONTRAST)
        assert not poor, f"{name} {stage}, {mode}: contrast under 4.5: {poor[:5]}"
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{name} {stage}: {over} pixels wider than a telephone of 360"


# The mock interview


def test_a_whole_interview_by_keyboard_alone(visit):
    page = visit("mock-interview", accept_downloads=True)
    page.clock.install(time=datetime(2026, 11, 24, 20, 0))
    page.reload()
    press_until(page, "Prompt")
    assert focus_is_visible(page)
    page.keyboard.type("Fraud")
    press_until(page, "Level")
    page.keyboard.type("staff")
    press_until(page, "Start the interview")
    page.keyboard.press("Enter")
    expect(page.locator("h3:focus")).to_have_text("Fraud in card payments, staff")

    press_until(page, "Traffic")
    page.keyboard.press("Enter")
    expect(page.locator(".interview-asked").get_by_text("500 payments a second")).to_be_visible()
    press_until(page, "Your notes for Clarify", "Shift+Tab")
    page.keyboard.type("cost of both errors?")
    press_until(page, "Give me a hint")
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    expect(page.locator(".interview-step ol li")).to_have_count(2)
    for position, step in enumerate(STEPS):
        expect(page.locator(".interview-step h4")).to_contain_text(f"{position + 1} of 7: {step}")
        page.clock.fast_forward("08:00" if step == "Clarify" else "05:00")
        if step == "Model":
            press_until(page, "Ask me a follow-up")
            page.keyboard.press("Enter")
            expect(page.locator(".revealed").get_by_text("The attackers see what is blocked")).to_be_visible()
        if step != STEPS[-1]:
            press_until(page, "Next step", "Shift+Tab" if position in (0, 3) else "Tab")
            assert focus_is_visible(page)
            page.keyboard.press("Enter")
            expect(page.locator("h4:focus")).to_contain_text(STEPS[position + 1])
    press_until(page, "Finish and score", "Shift+Tab")
    page.keyboard.press("Enter")

    expect(page.locator("h3:focus")).to_contain_text("Score yourself")
    for position in range(len(DIMENSIONS)):
        press_until(page, "very weak")
        page.keyboard.press("Space")
        for _ in range([1, 0, 3, 4, 2][position]):
            page.keyboard.press("ArrowDown")
    press_until(page, "Show the summary")
    page.keyboard.press("Enter")

    expect(page.locator("h3:focus")).to_have_text("Summary: Fraud in card payments, staff")
    times = page.get_by_role("table", name="Time by step")
    expect(times.get_by_role("row", name="Clarify")).to_contain_text("over by 1:0")
    expect(times.get_by_role("row", name="Frame")).to_contain_text("within its budget")
    scores = page.get_by_role("table", name="Scores")
    for dimension, score in zip(DIMENSIONS, [2, 1, 4, 5, 3]):
        expect(scores.get_by_role("row", name=dimension)).to_contain_text(f"{score} of 5")
    press_until(page, "Save as Markdown")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "mock-interview-fraud-staff.md"
    text = download.value.path().read_text(encoding="utf-8")
    for part in (
        "# Mock interview: Fraud in card payments, staff",
        "2026-11-24",
        "over by 1:0",
        "cost of both errors?",
    ):
        assert part in text, f"the saved summary lacks {part!r}:\n{text}"
    weakest = re.findall(
        r"^### (.+)$", text[text.index("## Weakest areas") : text.index("## Chapters")], flags=re.M
    )
    assert weakest == ["Data and features", "Problem", "Communication"], "lowest first, those below strong"


def test_the_links_of_the_summary_lead_to_chapters(visit, html):
    page = visit("mock-interview")
    start(page)
    page.get_by_role("button", name="Finish and score").click()
    page.get_by_role("button", name="Show the summary").click()
    expect(page.get_by_text("Problem is not scored yet.")).to_be_visible()
    for dimension in DIMENSIONS:
        page.get_by_role("group", name=dimension).get_by_role("radio", name="very strong").check()
    page.get_by_role("group", name="Modelling").get_by_role("radio", name=re.compile("^weak")).check()
    page.get_by_role("button", name="Show the summary").click()
    hrefs = [link.get_attribute("href") for link in page.locator(".interview-stage ul a").all()]
    assert len(hrefs) >= 4
    for href in hrefs:
        target = html / "chapters" / "practice" / href.partition("#")[0]
        assert target.resolve().exists(), f"{href} leads nowhere"


def test_the_clock_runs_pauses_and_survives_a_reload(visit):
    page = visit("mock-interview")
    page.clock.install(time=datetime(2026, 11, 24, 20, 0))
    page.reload()
    start(page)
    timer = page.get_by_role("timer")
    page.clock.fast_forward("01:30")
    expect(timer).to_contain_text(re.compile(r"1:3\d of 45:00"))
    page.reload()
    expect(timer).to_contain_text(re.compile(r"1:3\d of 45:00"))
    page.clock.fast_forward("02:00")
    expect(timer).to_contain_text(re.compile(r"3:[34]\d of 45:00"))
    page.get_by_role("button", name="Pause").click()
    page.clock.fast_forward("20:00")
    expect(timer).to_contain_text(re.compile(r"3:[34]\d of 45:00, stopped"))
    page.reload()
    expect(timer).to_contain_text(re.compile(r"3:[34]\d of 45:00, stopped"))
    page.get_by_role("button", name="Resume").click()
    page.clock.fast_forward("04:00")
    expect(page.get_by_text("Clarify has used its 7 minutes.")).to_be_visible()
    expect(page.get_by_role("button", name="1 Clarify")).to_contain_text("over")
    page.clock.fast_forward("40:00")
    expect(page.get_by_text("45 minutes are over.")).to_be_visible()


def test_a_page_closed_for_long_does_not_count_as_interview(visit):
    page = visit("mock-interview")
    page.clock.install(time=datetime(2026, 11, 24, 20, 0))
    page.reload()
    start(page)
    page.clock.fast_forward("03:00")
    expect(page.get_by_role("timer")).to_contain_text("3:0")
    page.goto("about:blank")
    page.clock.fast_forward("09:00:00")
    page.go_back()
    expect(page.get_by_role("timer")).to_contain_text(re.compile(r"3:[01]\d of 45:00, stopped"))
    expect(page.get_by_role("alert")).to_contain_text("the clock was stopped when it closed")


def test_notes_hints_and_answers_are_there_after_a_reload(visit):
    page = visit("mock-interview")
    start(page, "churn", "junior")
    page.get_by_label("Your notes for Clarify").fill("what is done with it?")
    page.get_by_role("button", name="Give me a hint").click()
    page.get_by_text("Budget", exact=True).locator("visible=true").click()
    page.get_by_role("button", name="Next step").click()
    page.reload()
    expect(page.locator(".interview-step h4")).to_contain_text("2 of 7: Frame")
    expect(page.get_by_text("10,000 offers a month.").locator("visible=true")).to_be_visible()
    page.get_by_role("button", name="1 Clarify").click()
    expect(page.get_by_label("Your notes for Clarify")).to_have_value("what is done with it?")
    expect(page.locator(".interview-step ol li")).to_have_count(1)


def test_hints_and_follow_ups_come_in_stages_and_for_the_level(visit):
    page = visit("mock-interview")
    card = page.locator("#prompt-fraud")
    asked = {
        level: card.locator(f"[data-level={level}] .follow-ups li").all_text_contents()
        for level in ("junior", "staff")
    }
    hints = card.locator(".hints[data-step=Clarify] li").all_text_contents()
    start(page, "fraud", "staff")
    stage = page.locator(".interview-stage")
    for text in [*hints, *asked["staff"]]:
        expect(stage.get_by_text(text)).to_have_count(0)
    page.get_by_role("button", name="Give me a hint (1 of").click()
    expect(stage.get_by_text(hints[0])).to_be_visible()
    expect(stage.get_by_text(hints[1])).to_have_count(0)
    for position in range(len(asked["staff"])):
        page.get_by_role("button", name=f"Ask me a follow-up ({position + 1} of").click()
    for text in asked["staff"]:
        expect(stage.get_by_text(text)).to_be_visible()
    for text in asked["junior"]:
        expect(stage.get_by_text(text)).to_have_count(0)


def damaged(change):
    """Stored progress of an interview after `change`."""
    state = {
        "version": 1, "prompt": "fraud", "level": "senior", "phase": "run", "begun": 1, "step": 0, "since": None,
        "used": [0] * 7, "hints": [0] * 7, "notes": [""] * 7, "asked": [], "followUps": 0, "scores": {},
    }  # fmt: skip
    change(state)
    return json.dumps(state)


def test_progress_as_the_page_stores_it_is_read(visit):
    page = visit("mock-interview", script=f"localStorage.setItem('{KEY}', {damaged(lambda s: None)!r})")
    expect(page.locator(".interview-stage h3")).to_have_text("Fraud in card payments, senior")


@pytest.mark.parametrize(
    "raw",
    [
        "{not JSON",
        "null",
        "[]",
        damaged(lambda s: s.update(version=2)),
        damaged(lambda s: s.update(prompt="alchemy")),
        damaged(lambda s: s.update(level="principal")),
        damaged(lambda s: s.update(step=7)),
        damaged(lambda s: s.update(used=[0] * 6)),
        damaged(lambda s: s.update(used=["0"] * 7)),
        damaged(lambda s: s.update(notes=[1] * 7)),
        damaged(lambda s: s.update(scores={"problem": 9})),
        damaged(lambda s: s.update(phase="summary")),
        damaged(lambda s: s.pop("asked")),
    ],
)
def test_progress_that_cannot_be_read_is_set_aside_and_the_page_works(visit, raw):
    page = visit("mock-interview")
    page.evaluate("([key, raw]) => localStorage.setItem(key, raw)", [KEY, raw])
    page.reload()
    notice = page.get_by_role("alert").locator("visible=true")
    expect(notice).to_contain_text("could not be read. It was set aside, not deleted")
    aside = re.search(r"“(.+)”", notice.inner_text())[1]
    assert stored(page, aside) == raw, "what was set aside is not what was stored"
    assert stored(page) is None
    start(page)
    expect(page.get_by_role("timer")).to_contain_text("0:0")
    page.reload()
    expect(page.locator(".interview-stage h3")).to_have_text("Fraud in card payments, senior")


def test_an_interview_can_be_deleted_from_the_browser(visit):
    page = visit("mock-interview")
    start(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete this interview").click()
    expect(page.locator(".interview-stage h3")).to_have_text("Choose")
    left = page.evaluate(f"Object.keys(localStorage).filter(key => key.startsWith('{KEY}'))")
    assert left == [], f"left in the browser: {left}"


def test_two_tabs_show_the_same_interview(visit):
    page = visit("mock-interview")
    start(page)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(".interview-step h4")).to_contain_text("1 of 7")
    page.get_by_role("button", name="Next step").click()
    expect(other.locator(".interview-step h4")).to_contain_text("2 of 7: Frame")


@pytest.mark.parametrize("name", ["question-bank", "mock-interview"])
def test_the_stored_output_works_outside_the_book_where_nothing_can_be_stored(browser, name):
    notebook = read_notebook(CHAPTERS / "practice" / f"{name}.ipynb")
    output = "".join(
        output["data"]["text/html"]
        for _, cell in code_cells(notebook)
        for output in cell.outputs
        if "data" in output
    )
    page = browser.new_page()
    page.set_default_timeout(10_000)
    page.route(
        "**/*",
        lambda route: route.fulfill(body=f"<!doctype html><title>x</title>{output}", content_type="text/html"),
    )
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused') } })"
    )
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    page.goto("http://nowhere.invalid/")
    if name == "mock-interview":
        start(page)
        expect(page.get_by_role("alert").locator("visible=true")).to_contain_text("a reload loses it")
        page.get_by_role("button", name="Next step").click()
        expect(page.locator(".interview-step h4")).to_contain_text("2 of 7: Frame")
    else:
        choose(page, "Level", "staff")
        expect(shown(page)).to_have_count(page.locator("article.question[data-level=staff]").count())
    assert not errors, errors
    page.close()
