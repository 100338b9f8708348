"""Where the course is published and where its source is kept: nothing of it is written down in the course.

The publishing workflow names both in its environment; elsewhere a remote on github.com names the repository.
What is unknown is left out: without a repository no buttons, without an address of the site no sitemap.
"""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit


def repository(environ, root):
    """`https://github.com/owner/name` of the source, or None."""
    if environ.get("GITHUB_REPOSITORY"):
        return f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{environ['GITHUB_REPOSITORY']}"
    remote = subprocess.run(["git", "-C", root, "remote", "get-url", "origin"], capture_output=True, text=True)
    match = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(\.git)?/?$", remote.stdout.strip())
    return f"https://github.com/{match[1]}" if match else None


def configure(app, config):
    """Set the address of the site, and the buttons that lead to the source, where they are known."""
    site = os.environ.get("SITE_URL", "")
    config.html_baseurl = site and site.rstrip("/") + "/"
    address = repository(os.environ, app.srcdir)
    if address:
        config.html_theme_options |= {
            "repository_url": address,
            "repository_branch": "main",
            "use_repository_button": True,
            "use_issues_button": True,
            "launch_buttons": {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
        }


def prepare_page(app, pagename, templatename, context, doctree):
    """Give templates the address of the site; the page for wrong addresses is shown at any depth."""
    context["site_url"] = app.config.html_baseurl
    context["base"] = (urlsplit(app.config.html_baseurl).path or "/") if pagename == "404" else None


def write_maps(app, exception):
    """Tell search engines which pages there are."""
    if exception or app.builder.name != "html":
        return
    lines = ["User-agent: *", "Allow: /"]
    site = app.config.html_baseurl
    if site:
        pages = sorted(app.env.found_docs)
        places = "".join(f"<url><loc>{site}{app.builder.get_target_uri(page)}</loc></url>\n" for page in pages)
        namespace = "http://www.sitemaps.org/schemas/sitemap/0.9"
        sitemap = f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{namespace}">\n{places}</urlset>\n'
        Path(app.outdir, "sitemap.xml").write_text(sitemap, encoding="utf-8")
        lines.append(f"Sitemap: {site}sitemap.xml")
    Path(app.outdir, "robots.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def setup(app):
    """Sphinx's entry point."""
    app.connect("config-inited", configure)
    app.connect("html-collect-pages", lambda app: [("404", {"title": "No such page"}, "404.html")])
    app.connect("html-page-context", prepare_page)
    app.connect("build-finished", write_maps)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
