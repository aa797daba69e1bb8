"""A document as files: JSON, Markdown with figures, and one page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from voxaffect.errors import EvaluationError, MissingExtraError
from voxaffect.evaluation import Study
from voxaffect.files import escape_control, make_folder, write_text, write_whole
from voxaffect.outputs.figures.export import FIGURE_FORMATS, export_figure
from voxaffect.outputs.figures.svg import to_svg
from voxaffect.outputs.report.context import build_context
from voxaffect.outputs.report.documents import (
    Document,
    check_document,
    document as to_document,
)
from voxaffect.outputs.report.drawings import draw_figures
from voxaffect.outputs.report.latex import to_latex
from voxaffect.outputs.report.markdown import FIGURES, render_markdown
from voxaffect.outputs.report.page import list_figures, render_page
from voxaffect.records.arguments import check_list, check_path, is_known
from voxaffect.records.codec import to_json

_LIBRARIES = {"Jinja2": "jinja2", "markdown-it-py": "markdown_it", "Matplotlib": "matplotlib"}
_DAMAGE = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


def write_report(
    document: Document | Study, folder: str | Path, *, figure_formats: Sequence[str] = ()
) -> list[Path]:
    """Write an evaluation as JSON, LaTeX, Markdown with figures, and one self-contained page.

    The same document gives the same bytes. Each file is written whole or not at all; the page
    is the last, so where it is, everything is.

    Parameters
    ----------
    document : mapping or Study
        Of kind ``voxaffect evaluation``, format 1, as ``json.loads`` gives it; or the study
        that it is made of.
    folder : str or Path
        Made if it is absent; files of an earlier report are replaced.
    figure_formats : sequence of str
        Further formats of the figures, ``pdf`` or ``png``.

    Returns
    -------
    list of Path
        ``report.json``, ``tables.tex``, ``figures/*.svg``, ``report.md``, ``report.html``.

    Raises
    ------
    EvaluationError
        If the document is of another kind or format, holds no system, or is damaged, or there is
        no such format of figures.
    VoxaffectError
        If a file cannot be written.
    MissingExtraError
        If Matplotlib, Jinja2 or markdown-it-py is not installed.
    """
    folder = check_path(folder, "folder")
    check_installed()
    if isinstance(document, Study):
        document = to_document(document)
    check_document(document, "the document")
    formats = check_list(figure_formats, "figure_formats", "formats of figures")
    for name in formats:
        if not is_known(name, FIGURE_FORMATS):
            raise EvaluationError(
                f"no figure format {name!r}; there are: {', '.join(FIGURE_FORMATS)}."
            )
    files = _render_files(document, folder, formats)
    for path in (folder, folder / FIGURES):
        make_folder(path)
    paths = [folder / name for name in files]
    for path, content in zip(paths, files.values(), strict=True):
        if isinstance(content, str):
            write_text(path, content)
        else:
            write_whole(path, partial(_write, content))
    return paths


def _write(content: bytes, stream: BinaryIO) -> None:
    stream.write(content)


def check_installed() -> None:
    """Refuse to begin where a library of the report is missing; one message names them all.

    Raises
    ------
    MissingExtraError
    """
    missing = [name for name, module in _LIBRARIES.items() if find_spec(module) is None]
    if missing:
        raise MissingExtraError(
            f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} not installed, which a "
            'report needs. Install with: pip install "voxaffect[report]"'
        )


def _render_files(
    document: Document, folder: Path, formats: Sequence[str]
) -> dict[str, str | bytes]:
    """Return the content of every file by its name, the page last."""
    try:
        context = build_context(document, folder)
        markdown = render_markdown(context)
        drawings = draw_figures(context)
        figures = {
            path: to_svg(drawings[Path(path).stem], Path(path).stem, title, description)
            for path, (title, description) in list_figures(markdown).items()
        }
        exported = {
            str(Path(path).with_suffix(f".{name}")): export_figure(drawings[Path(path).stem], name)
            for path in figures
            for name in formats
        }
        return {
            "report.json": to_json(document),
            "tables.tex": to_latex(document),
            **figures,
            **exported,
            "report.md": markdown,
            "report.html": render_page(markdown, figures),
        }
    except _DAMAGE as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise EvaluationError(
            f"the document is damaged ({escape_control(reason)}). Expected what document makes."
        ) from error
