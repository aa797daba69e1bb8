"""Files outside of docs/ as pages of the site, and links to them.

Pages link as a code host needs it, such as ``../MODEL_CARD.md``. On the site, the documents of the
root are pages of their own; other files that a page links to are shown under ``repository/``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import notebook_pages

ROOT_PAGES = {
    "get-started.md": "README.md",
    "model-card.md": "MODEL_CARD.md",
    "architecture.md": "ARCHITECTURE.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "releasing.md": "RELEASING.md",
    "security.md": "SECURITY.md",
}
"""Pages of the site that are documents of the root."""
PAGES = {path: page for page, path in ROOT_PAGES.items()} | notebook_pages.PAGES
SHOWN_BYTES = 100_000
LANGUAGES = {
    ".py": "python",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".service": "ini",
    ".sh": "bash",
    ".cff": "yaml",
}
_FENCE = re.compile(r"^( *)(`{3,}|~{3,}).*?^\1\2[`~]*\s*?$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(\]\(|(?:src|href|srcset)=\")(?!\w+:|//|#|/)([^)\s\"#]+)(#[^)\s\"]*)?")


def find_source(page: str) -> str:
    """Path in the repository of a page of the site."""
    return ROOT_PAGES.get(page, f"docs/{page}")


def resolve_link(link: str, page: str) -> str:
    """Path in the repository that a link of a page leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(find_source(page)), link))


def find_page(path: str) -> str:
    """Page, or file, of the site that shows a path of the repository."""
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    path = path.replace(".git", "git")  # mkdocs leaves out what begins with a dot
    if Path(path).suffix in (".json", ".svg", ".png", ".wav"):
        return f"repository/{path}"
    return f"repository/{path}.md"


def list_targets(texts: Mapping[str, str]) -> list[str]:
    """List the files and folders outside of docs/ that pages link to, and that are no pages."""
    links = (
        resolve_link(link, page)
        for page, text in texts.items()
        for _, link, _ in _LINK.findall(_FENCE.sub("", text))
    )
    return sorted({path for path in links if find_page(path).startswith("repository/")})


def copy_target(root: Path, target: str) -> Iterator[tuple[str, str | bytes]]:
    """Pages and files of the site that show a file, or a folder with its files."""
    path = root / target
    if not path.is_dir():
        yield find_page(target), _show_file(path, target)
        return
    names = sorted(entry.name for entry in path.iterdir() if entry.is_file())
    yield find_page(target), _list_folder(target, names)
    for name in names:
        yield find_page(f"{target}/{name}"), _show_file(path / name, f"{target}/{name}")


def _list_folder(target: str, names: Iterable[str]) -> str:
    folder = posixpath.dirname(find_page(target))
    links = (
        f"- [{name}]({posixpath.relpath(find_page(f'{target}/{name}'), folder)})" for name in names
    )
    return f"# `{target}/`\n\n" + "\n".join(links) + "\n"


def _show_file(path: Path, target: str) -> str | bytes:
    content = path.read_bytes()
    if not find_page(target).endswith(".md"):
        return content
    text = content[:SHOWN_BYTES].decode("utf-8", "replace")
    language = LANGUAGES.get(path.suffix, "text")
    return f"# `{target}`\n\n``````{language}\n{text}\n``````\n"


def rewrite_links(text: str, page: str) -> str:
    """Text of a page with links to the repository's files turned into links within the site."""
    if page.startswith("repository/"):
        return text

    def replace(match: re.Match[str]) -> str:
        path = find_page(resolve_link(match[2], page))
        return (
            f"{match[1]}{posixpath.relpath(path, posixpath.dirname(page) or '.')}{match[3] or ''}"
        )

    pieces, end = [], 0
    for fence in _FENCE.finditer(text):
        pieces += [_LINK.sub(replace, text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*pieces, _LINK.sub(replace, text[end:])])
