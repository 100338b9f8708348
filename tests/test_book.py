"""The book builds from nothing, without a warning, and nothing in it is broken."""

import os
import posixpath
import re

import book
import pytest
from bs4 import BeautifulSoup
from course import CHAPTERS, ROOT, claims, code_cells, read_notebook, tags, toc_files

pytestmark = pytest.mark.xdist_group("book")


def test_every_page_is_on_disk_paired_and_in_the_table_of_contents():
    found = book.problems(ROOT)
    assert not found, "\n".join(found)


def test_every_page_was_written(built):
    assert len(built) >= 3, "the book has hardly a page"
    for name, page in built.items():
        assert page.find("h1"), f"{name}: no title in the built page"


def test_no_markup_is_left_raw(built):
    for name, page in built.items():
        article = page.find("article")
        for code in article.find_all(["pre", "code", "script"]):
            code.extract()
        raw = re.search(r":::|\{[a-z-]+\}`|^\s*```|\$\$", article.get_text(), flags=re.M)
        assert not raw, f"{name}: {raw and raw[0]!r} is shown as text"


def test_internal_links_and_anchors_resolve(html, built):
    for name, page in built.items():
        here = html / f"{name}.html"
        for element in page.select("[href], [src]"):
            link = element.get("href") or element["src"]
            path, _, anchor = re.sub(r"\?[^#]*", "", link).partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            target = (here.parent / path).resolve() if path else here
            assert target.exists(), f"{name}: link {link} leads nowhere"
            if anchor and target.suffix == ".html":
                ids = built.get(target.relative_to(html).with_suffix("").as_posix())
                assert ids is None or ids.find(id=anchor), f"{name}: no anchor {link}"


def test_every_picture_has_an_alternative_text(built):
    for name, page in built.items():
        for picture in page.find("article").find_all("img"):
            assert len(picture.get("alt", "")) >= 40 and "_images/" not in picture["alt"], (
                f"{name}: {picture['src']} has no alternative text"
            )


def test_claims_are_marked_as_checked(built):
    for path in CHAPTERS.glob("*/*.ipynb"):
        cells = [cell for _, cell in code_cells(read_notebook(path)) if "claim" in tags(cell)]
        page = built[f"chapters/{path.parent.name}/{path.stem}"]
        assert len(page.select("div.cell.tag_claim")) == len(cells), (
            f"{path.stem}: not every claim cell is marked in the book"
        )
        assert claims(read_notebook(path)) or not cells, f"{path.stem}: claim cells without claims"


def test_the_book_on_one_page_holds_every_chapter_and_its_links_stay_on_it(single, built):
    page = BeautifulSoup(single.read_text(encoding="utf-8"), "html.parser")
    titles = [title.get_text().rstrip("#") for title in page.select("article :is(h1, h2)")]
    for name, chapter in built.items():
        assert chapter.find("h1").get_text().rstrip("#") in titles, f"{name} is not on the page"
    ids = [element["id"] for element in page.select("[id]")]
    assert len(ids) == len(set(ids)), "anchors stand twice on the page: a link finds only the first"
    places = {"#", *(f"#{anchor}" for anchor in ids)}
    for element in page.select("[href], [src]"):
        link = element.get("href") or element["src"]
        if not re.match(r"[a-z]+:", link):
            there = link in places or (single.parent / link.partition("?")[0]).is_file()
            assert there, f"the book on one page: link {link} leads nowhere"
    links = {link["href"] for link in page.select("a[href]")}
    for name, chapter in built.items():
        for link in chapter.select("article a[href*='#']:not([href^=http])"):
            path, _, label = link["href"].partition("#")
            target = posixpath.normpath(f"{name}/../{path}").removesuffix(".html") if path else name
            in_chapter = f"#{target}-{label}".replace("/", "-")
            found = {in_chapter, f"#{label}"} & links  # the latter: of the front page, or in an output
            assert found or not label, f"{name}: the link {link['href']} is not on the page"


def test_a_published_book_names_its_addresses_and_another_none(built, tmp_path, monkeypatch):
    for name, page in built.items():
        assert not page.find("link", rel="canonical") or os.environ.get("SITE_URL"), f"{name}: whose address?"
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/name")
    monkeypatch.setenv("SITE_URL", "https://example.org/course")
    chapter = next(name for name in toc_files() if name.count("/") == 2)
    (tmp_path / "toc.yml").write_text(f"format: jb-book\nroot: {chapter}\n", encoding="utf-8")
    book.build(tmp_path, "--toc", tmp_path / "toc.yml")
    html, here = tmp_path / "_build" / "html", f"https://example.org/course/{chapter}.html"
    page = BeautifulSoup((html / f"{chapter}.html").read_text(encoding="utf-8"), "html.parser")
    links = {link["href"] for link in page.select("a[href^='https://']")}
    assert f"https://mybinder.org/v2/gh/owner/name/main?urlpath=lab/tree/{chapter}.ipynb" in links, "no Binder"
    assert "https://github.com/owner/name" in links and not any("/edit/" in link for link in links)
    assert page.find("link", rel="canonical")["href"] == here == page.find("meta", property="og:url")["content"]
    picture = page.find("meta", property="og:image")["content"]
    assert (html / picture.removeprefix("https://example.org/course/")).exists(), "the preview has no picture"
    assert (
        here in (html / "sitemap.xml").read_text()
        and "/course/sitemap.xml" in (html / "robots.txt").read_text()
    )
    lost = BeautifulSoup((html / "404.html").read_text(encoding="utf-8"), "html.parser")
    assert lost.find("base")["href"] == "/course/", "the page for wrong addresses finds nothing"
