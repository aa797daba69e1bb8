"""The words of the source: one word per idea, functions as verbs, docstrings that name things."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "voxaffect"
# Packages and modules whose words are still to be changed. It only ever gets shorter.
PENDING = {
    "__main__",
}
MODULES = [
    path
    for path in sorted(SOURCE.rglob("*.py"))
    if not path.relative_to(SOURCE).as_posix().startswith(tuple(PENDING))
]
# In names: as a whole part of a name that underscores or capitals separate.
BANNED_IN_NAMES = {
    "altered",
    "beside",
    "beyond",
    "crew",
    "cutter",
    "cutting",
    "feed",
    "found",
    "gate",
    "insight",
    "meant",
    "narrator",
    "picture",
    "place",
    "places",
    "said",
    "say",
    "says",
    "scene",
    "tail",
    "talker",
    "talkers",
    "tell",
    "tells",
    "told",
    "unheard",
}
# In docstrings: as words.
BANNED_IN_DOCSTRINGS = {
    "altered",
    "beside",
    "crew",
    "gate",
    "insight",
    "meant",
    "narrator",
    "picture",
    "said",
    "scene",
    "talkers",
    "tells",
    "told",
    "unheard",
}
# Past participles that are also nouns, adjectives or verbs in the present.
NO_PARTICIPLES = {"feed", "need", "seed", "speed", "embed", "shed", "exceed", "read", "spread"}
IRREGULAR = {
    "bound",
    "built",
    "chosen",
    "cut_off",
    "drawn",
    "given",
    "heard",
    "held",
    "kept",
    "known",
    "left",
    "made",
    "met",
    "seen",
    "shown",
    "sorted_out",
    "taken",
    "thrown",
    "written",
}
# Names that protocols of other libraries or the tutorial prescribe.
PRESCRIBED = {"observed_emotions", "closed", "tell"}
FIRST_WORDS = ("What", "Where", "Who", "How", "Whether", "Which", "When", "Why")


def _identify(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def _parts(name: str) -> list[str]:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return [word.lower() for word in words.split("_") if word]


def _names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def _docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, documented) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text


def _is_property(node: ast.FunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


@pytest.mark.parametrize("path", MODULES, ids=_identify)
def test_no_name_holds_a_banned_word(path: Path) -> None:
    names = _names(ast.parse(path.read_text(encoding="utf-8")))
    banned = [name for name in names if BANNED_IN_NAMES & set(_parts(name[1]))]
    assert [name for name in banned if name[1] not in PRESCRIBED] == []


@pytest.mark.parametrize("path", MODULES, ids=_identify)
def test_no_docstring_holds_a_banned_word(path: Path) -> None:
    docstrings = _docstrings(ast.parse(path.read_text(encoding="utf-8")))
    words = [(line, set(re.findall(r"[a-z]+", text.lower()))) for line, text in docstrings]
    assert [(line, both) for line, all_ in words if (both := all_ & BANNED_IN_DOCSTRINGS)] == []


@pytest.mark.parametrize("path", MODULES, ids=_identify)
def test_a_docstring_names_the_thing(path: Path) -> None:
    docstrings = _docstrings(ast.parse(path.read_text(encoding="utf-8")))
    assert [one for one in docstrings if one[1].split(maxsplit=1)[0] in FIRST_WORDS] == []


@pytest.mark.parametrize("path", MODULES, ids=_identify)
def test_functions_are_verbs(path: Path) -> None:
    """No function is named by a participle alone, or by one in its first word."""
    participles = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and not _is_property(node):
            first, *_ = [*_parts(node.name), ""]
            is_participle = first in IRREGULAR or (
                first.endswith("ed") and first not in NO_PARTICIPLES
            )
            if is_participle and node.name not in PRESCRIBED:
                participles.append((node.lineno, node.name))
    assert participles == []
