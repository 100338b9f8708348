"""The built book as a reader meets it: in a browser, on a telephone, by keyboard, in the dark, on paper.

No page may ask anybody but the site for anything. Figures that were measured stand at the end of the run.
"""

import re
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import axe_playwright_python
import book
import pytest
import yaml
from course import ROOT, chromium, toc_files
from playwright.sync_api import sync_playwright
from server import serve

pytestmark = [
    pytest.mark.xdist_group("book"),
    pytest.mark.timeout(1200),  # the first test visits all pages, a few seconds each
    pytest.mark.skipif(
        not chromium(),
        reason="no Chromium on the PATH: the site was not looked at (Debian, Ubuntu: apt-get install chromium)",
    ),
]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
AXE_RUN = """rules => axe.run({resultTypes: ["violations"], preload: false, ...rules})"""
STRUCTURE = {"rules": {"label-content-name-mismatch": {"enabled": True}, "color-contrast": {"enabled": False}}}
CONTRAST = {"runOnly": ["color-contrast", "link-in-text-block"]}
UNFOLD = "document.querySelectorAll('details').forEach(fold => fold.open = true)"
# axe takes milliseconds for each of the ten thousand code tokens of a chapter: two of each kind and place are looked
# at, and for contrast two of everything that is built alike.
THIN_CODE = """() => {
  const seen = new Map();
  for (const token of document.querySelectorAll("pre span:not(:has(*))")) {
    let looks = "";
    for (let part = token; part; part = part.parentElement) looks += `${part.localName}.${part.className} `;
    seen.set(looks, (seen.get(looks) ?? 0) + 1);
    if (seen.get(looks) > 2) token.replaceWith("");
  }
}"""
THIN = """() => {
  const looks = part => `${part.localName}.${part.className}[${[...new Set([...part.children].map(looks))].sort()}]`;
  const seen = new Map();
  const thin = (part, place) => {
    for (const child of [...part.children]) {
      const key = place + looks(child);
      seen.set(key, (seen.get(key) ?? 0) + 1);
      if (seen.get(key) > 2) child.remove();
      else thin(child, `${place}>${child.localName}.${child.className}`);
    }
  };
  thin(document.body, "");
}"""
LARGEST_PAINT = """() => new Promise(resolve => new PerformanceObserver(
  list => resolve(list.getEntries().at(-1).startTime)).observe({type: "largest-contentful-paint", buffered: true}))"""
FOCUSABLE = """() => [...document.querySelectorAll(
  "a[href], button, input, summary, select, textarea, [tabindex]:not([tabindex='-1'])"
)].filter(element => element.checkVisibility({visibilityProperty: true}) && !element.closest("dialog:not([open])")).length"""
FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  if (element === document.body) return null;
  window.reached ??= new Set();
  if (window.reached.has(element)) return null;
  window.reached.add(element);
  const seen = style.outlineStyle !== "none" || style.boxShadow !== "none" || element.matches("input");
  return element.outerHTML.slice(0, 120) + (seen && +style.opacity > 0 ? "" : " INVISIBLE");
}"""
STYLED = "getComputedStyle(document.documentElement).getPropertyValue('--pst-color-primary') !== ''"
PAGES = [f"{name}.html" for name in toc_files()] + ["search.html", "404.html"]
WIDE, TELEPHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
HEAVIEST_MEDIAN = 600_000  # bytes sent for the median page
MOST_REQUESTS = 20  # for the median page
SLOWEST_RATIO = 1.25  # largest contentful paint, to that of an unmodified Jupyter Book


@pytest.fixture(scope="module")
def browser():
    """One Chromium for all tests."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium())
        yield running
        running.close()


@pytest.fixture(scope="module")
def site(html):
    """The book on a server: its address, and what the server sent."""
    with serve(html) as served:
        yield served


@pytest.fixture
def page(browser, site):
    """A fresh page at the site, in light mode."""
    opened = browser.new_page(viewport=WIDE, base_url=site[0], color_scheme="light")
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


def visit(page, path, site):
    """Open a page with an empty cache, in light and dark mode and on a telephone; what it loaded, said and showed."""
    address, sent = site
    said, elsewhere = [], []
    page.on("console", lambda line: line.type in ("error", "warning") and said.append(line.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.route(
        lambda url: not url.startswith((address, "data:", "blob:")),
        lambda route: (elsewhere.append(route.request.url), route.abort()),
    )
    sent.clear()
    page.goto(path, wait_until="networkidle")
    loaded = [size for _, size in sent]
    paint = page.evaluate(LARGEST_PAINT)
    page.evaluate(UNFOLD)
    page.set_viewport_size(TELEPHONE)
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size(WIDE)
    page.evaluate(THIN_CODE)
    page.evaluate(AXE)
    violations = {"structure": page.evaluate(AXE_RUN, STRUCTURE)["violations"]}
    page.evaluate(THIN)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        violations[scheme] = page.evaluate(AXE_RUN, CONTRAST)["violations"]
    return SimpleNamespace(
        said=said, elsewhere=elsewhere, loaded=loaded, paint=paint, width=width, violations=violations
    )


@pytest.fixture(scope="module")
def visits(browser, site):
    """A visit to each page, by its path."""
    found = {}
    for path in PAGES:
        page = browser.new_page(viewport=WIDE, base_url=site[0], color_scheme="light", reduced_motion="reduce")
        found[path] = visit(page, path, site)
        page.close()
    return found


def test_no_page_reports_an_error(visits):
    for path, seen in visits.items():
        assert not seen.said, f"{path}: the console says {seen.said}"


def test_pages_contact_nobody_else(visits):
    for path, seen in visits.items():
        assert not seen.elsewhere, f"{path} asks for {seen.elsewhere[0]}: only the site itself may be contacted"


@pytest.mark.parametrize("scheme", ["structure", "light", "dark"])
def test_pages_are_accessible(visits, scheme):
    found = [
        f"{path}: {violation['id']}: {violation['help']}, at {violation['nodes'][0]['html'][:160]}"
        for path, seen in visits.items()
        for violation in seen.violations[scheme]
    ]
    assert not found, f"{len(found)} findings of axe, {scheme}:\n" + "\n".join(found)


def test_nothing_sticks_out_on_a_telephone(visits):
    for path, seen in visits.items():
        assert seen.width <= TELEPHONE["width"], f"{path}: {seen.width} pixels wide on a telephone of 360"


def test_pages_are_light(visits, record_property):
    kilobytes = [sum(seen.loaded) / 1000 for seen in visits.values()]
    requests = [len(seen.loaded) for seen in visits.values()]
    paints = [seen.paint for seen in visits.values()]
    record_property(
        "measured",
        f"{len(visits)} pages: median {median(kilobytes):.0f} kB in {median(requests):.0f} requests, "
        f"at most {max(kilobytes):.0f} kB in {max(requests)}; "
        f"largest contentful paint median {median(paints):.0f} ms, at most {max(paints):.0f} ms",
    )
    assert median(kilobytes) * 1000 <= HEAVIEST_MEDIAN, f"the median page has {median(kilobytes):.0f} kB"
    assert median(requests) <= MOST_REQUESTS, f"the median page takes {median(requests):.0f} requests"


def test_figures_load_when_they_are_needed_and_keep_their_place(built):
    for name, page in built.items():
        for picture in page.select("article img"):
            assert picture.get("loading") == "lazy" and picture.get("width") and picture.get("height"), (
                f"{name}: {picture['src']} loads at once, or moves the text when it comes"
            )


def test_every_page_says_what_it_is_about(html, built):
    descriptions = [page.find("meta", {"name": "description"})["content"] for page in built.values()]
    titles = {page.find("h1").get_text() for page in built.values()}
    assert len(set(descriptions)) == len(titles), "two pages have the same description"
    for name, page in built.items():
        preview = {meta["property"]: meta["content"] for meta in page.select("meta[property^='og:']")}
        assert {"og:title", "og:description", "og:type", "og:site_name"} <= set(preview), f"{name}: no preview"
        assert 40 <= len(preview["og:description"]) <= 200, (
            f"{name}: {preview['og:description']!r} describes nothing"
        )
        assert (html / f"{name}.html").parent.joinpath(page.find("link", rel="icon")["href"]).exists(), name


def test_the_largest_paint_comes_as_early_as_in_an_unmodified_book(browser, site, tmp_path, record_property):
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    for ours in ("html_css_files", "html_static_path", "html_theme_options", "html_context", "templates_path"):
        del config["sphinx"]["config"][ours]
    config["sphinx"]["local_extensions"] = {"diagrams": str(ROOT / "_ext")}
    config |= {"logo": str(ROOT / config["logo"]), "html": {}}
    chapter = next(name for name in toc_files() if name.count("/") == 2)
    (tmp_path / "config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (tmp_path / "toc.yml").write_text(f"format: jb-book\nroot: {chapter}\n", encoding="utf-8")
    _, printed = book.build(tmp_path, "--config", tmp_path / "config.yml", "--toc", tmp_path / "toc.yml")
    plain = tmp_path / "_build" / "html"
    assert (plain / f"{chapter}.html").exists(), f"the unmodified book was not built:\n{printed[-2000:]}"
    paints = {"ours": [], "plain": []}
    with serve(plain) as (plain_address, _):
        for _ in range(5):
            for kind, address in (("ours", site[0]), ("plain", plain_address)):
                page = browser.new_page(viewport=WIDE)
                network = page.context.new_cdp_session(page)
                network.send("Network.enable")
                fast_4g = {
                    "offline": False,
                    "latency": 60,
                    "downloadThroughput": 1.1e6,
                    "uploadThroughput": 1.1e6,
                }
                network.send("Network.emulateNetworkConditions", fast_4g)
                page.goto(f"{address}{chapter}.html", wait_until="load")
                paints[kind].append(page.evaluate(LARGEST_PAINT))
                page.close()
    ours, plain = median(paints["ours"]), median(paints["plain"])
    record_property(
        "measured",
        f"largest contentful paint of {chapter} over a 4G line: {ours:.0f} ms, "
        f"{ours / plain:.2f} times that of an unmodified Jupyter Book ({plain:.0f} ms)",
    )
    assert ours <= SLOWEST_RATIO * plain, (
        f"{chapter} shows its largest element after {ours:.0f} ms, plain {plain:.0f} ms"
    )


@pytest.mark.parametrize("kind", ["front page", "chapter", "search"])
def test_keyboard_reaches_everything(page, kind):
    front_page, *chapters = toc_files()
    page.goto(
        {"front page": f"{front_page}.html", "chapter": f"{chapters[0]}.html", "search": "search.html"}[kind]
    )
    page.wait_for_load_state("networkidle")
    page.evaluate("() => document.activeElement.blur()")
    present, reached = page.evaluate(FOCUSABLE), []
    for _ in range(present + 40):  # regions that scroll are stops too
        page.keyboard.press("Tab")
        element = page.evaluate(FOCUSED)
        if element is None and reached:
            break
        reached.append(element or "")
    assert present > 10 and "main-content" in reached[0], (
        f"the first stop is {reached[0]}, not the link to the text"
    )
    unseen = [element for element in reached if "INVISIBLE" in element]
    assert not unseen, f"{kind}: nobody sees the focus on {unseen[0]}"
    found = page.evaluate("() => window.reached.size")
    assert found >= present, f"{kind}: the keyboard reaches {found} of {present} links and buttons"


def test_keyboard_opens_answers_and_changes_the_mode(page):
    chapter = next(name for name in toc_files() if name.count("/") == 2)
    page.goto(f"{chapter}.html", wait_until="networkidle")
    answer = page.locator("details").first
    answer.locator("summary").focus()
    page.keyboard.press("Enter")
    assert answer.get_attribute("open") is not None, "Enter does not open an answer"
    theme = "document.documentElement.dataset.theme"
    modes = set()
    for _ in range(3):
        page.locator(".theme-switch-button").first.focus()
        page.keyboard.press("Enter")
        modes.add(page.evaluate(theme))
    assert modes == {"light", "dark"}, f"the switch gives the modes {modes}"
    page.evaluate("localStorage.setItem('mode', 'dark')")
    page.reload()
    assert page.evaluate(theme) == "dark", "the chosen mode is forgotten on the next page"


@pytest.mark.parametrize("position", [1, -1])
def test_search_finds_a_chapter_by_words_of_its_title(page, built, position):
    name, parsed = list(built.items())[position]
    title = parsed.find("h1").get_text().rstrip("#")
    page.goto(f"{toc_files()[0]}.html", wait_until="networkidle")
    page.keyboard.press("Control+k")
    page.keyboard.type(" ".join(re.findall(r"[A-Za-z]{4,}", title)[:3]))
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    page.wait_for_load_state("networkidle")
    results = [link.get_attribute("href") for link in page.locator("#search-results li a").all()]
    assert any(f"{name}.html" in result for result in results[:3]), (
        f"a search for {title!r} gives {results[:3]}"
    )


def test_an_address_that_does_not_exist_leads_back(page):
    answer = page.goto("no/such/page.html", wait_until="networkidle")
    assert answer.status == 404
    assert page.evaluate(STYLED), "the page finds no stylesheet"
    page.get_by_role("link", name="the front page").click()
    page.wait_for_url(f"**/{toc_files()[0]}.html")


def test_the_book_on_one_page_opens_from_its_file_and_fits_a_telephone(browser, single):
    page = browser.new_page(viewport=WIDE)
    said, asked = [], []
    page.on("console", lambda line: line.type in ("error", "warning") and said.append(line.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(single.as_uri(), wait_until="load", timeout=120_000)
    assert not said, f"the console says {said[0]}"
    elsewhere = [url for url in asked if not url.startswith((single.parent.as_uri(), "data:", "blob:"))]
    assert not elsewhere, f"the page asks for {elsewhere[0]}"
    assert page.evaluate(STYLED), "the page finds no stylesheet"
    page.set_viewport_size(TELEPHONE)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= TELEPHONE["width"], f"{width} pixels wide on a telephone"
    page.close()


def test_paper_shows_what_is_folded_and_no_buttons(page):
    chapter = next(name for name in toc_files() if name.count("/") == 2)
    page.goto(f"{chapter}.html", wait_until="networkidle")
    page.emulate_media(media="print")
    for selector in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", "button.copybtn"):
        assert not page.locator(selector).first.is_visible(), f"{selector} is printed"
    answer = page.locator("details:not([open]) > :not(summary)").first
    assert answer.evaluate("element => element.checkVisibility({contentVisibilityAuto: true})"), (
        "answers stay folded"
    )
