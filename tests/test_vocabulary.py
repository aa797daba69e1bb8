"""The words of the source: one word per idea, functions as verbs, docstrings that name things."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "voxaffect"


@cache
def parse_modules() -> dict[str, ast.Module]:
    """Return the syntax tree of every module."""
    return {
        path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


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


def test_no_name_holds_a_banned_word() -> None:
    assert [
        f"{module}:{line}: {name}"
        for module, tree in parse_modules().items()
        for line, name in _names(tree)
        if BANNED_IN_NAMES & set(_parts(name)) and name not in PRESCRIBED
    ] == []


def test_no_docstring_holds_a_banned_word() -> None:
    assert [
        f"{module}:{line}: {', '.join(words)}"
        for module, tree in parse_modules().items()
        for line, text in _docstrings(tree)
        if (words := BANNED_IN_DOCSTRINGS & set(re.findall(r"[a-z]+", text.lower())))
    ] == []


def test_a_docstring_names_the_thing() -> None:
    assert [
        f"{module}:{line}: {text[:40]}"
        for module, tree in parse_modules().items()
        for line, text in _docstrings(tree)
        if text.split(maxsplit=1)[0] in FIRST_WORDS
    ] == []


def _is_participle(name: str) -> bool:
    first = [*_parts(name), ""][0]
    return first in IRREGULAR or (first.endswith("ed") and first not in NO_PARTICIPLES)


def test_functions_are_verbs() -> None:
    """No function is named by a participle alone, or by one in its first word."""
    assert [
        f"{module}:{node.lineno}: {node.name}"
        for module, tree in parse_modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and not _is_property(node)
        if _is_participle(node.name) and node.name not in PRESCRIBED
    ] == []
