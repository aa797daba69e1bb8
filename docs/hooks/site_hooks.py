"""Build of the site: pages that the code and the repository fill, links, and the last check.

A comment such as ``<!-- site: corpora -->`` in a page is replaced by what `FILLERS` has for the
word; on a code host, the comment is invisible. Any warning ends `mkdocs build --strict`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import built_links
import code_tables
import command_reference
import external_requests
import gallery
import layer_diagram
import notebook_pages
import repository_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
LOG = logging.getLogger("mkdocs.hooks.voxaffect")
MARKER = re.compile(r"<!-- site: ([\w-]+) -->")
FILLERS: dict[str, Callable[[], str]] = {
    "commands": command_reference.write_commands,
    "corpora": code_tables.write_corpora,
    "layers": layer_diagram.draw_layers,
    "schemas": code_tables.write_schemas,
    **{f"gallery-{name}": section for name, section in gallery.SECTIONS.items()},
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's root, and every file of it that a page links to."""
    for page, path in repository_pages.ROOT_PAGES.items():
        content = (ROOT / path).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=content))
    for path in sorted(ROOT.glob("docs/notebooks/*.ipynb")):
        for name, content in notebook_pages.convert_notebook(path).items():
            files.append(File.generated(config, name, content=content))
    texts = {file.src_uri: file.content_string for file in files.documentation_pages()}
    for target in repository_pages.list_targets(texts):
        if not (ROOT / target).exists():
            LOG.warning("a page links to %s, which is not in the repository", target)
            continue
        for name, content in repository_pages.copy_target(ROOT, target):
            files.append(File.generated(config, name, content=content))
    for name, picture in gallery.make_gallery().items():
        files.append(File.generated(config, f"gallery/{name}", content=picture))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Fill the markers of a page, and turn its links into links within the site."""
    return repository_pages.rewrite_links(MARKER.sub(_fill, markdown), page.file.src_uri)


def _fill(match: re.Match[str]) -> str:
    filler = FILLERS.get(match[1])
    if filler is None:
        LOG.warning("nothing fills <!-- site: %s -->", match[1])
        return ""
    return filler()


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a site with dead links, or whose pages ask another host for anything."""
    folder = Path(config.site_dir)
    for message in (*_check_site(folder), *built_links.list_dead_links(folder)):
        LOG.warning(message)


def _check_site(folder: Path) -> Iterator[str]:
    for path in sorted([*folder.rglob("*.html"), *folder.rglob("*.css"), *folder.rglob("*.svg")]):
        for address in external_requests.list_requests(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(folder)} requests {address} from another host"
