"""A document as files: JSON, Markdown with figures, and one page."""

from __future__ import annotations

from pathlib import Path

from voxaffect.errors import EvaluationError, extra
from voxaffect.evaluation import Study
from voxaffect.files import escape_control, make_folder, write_text
from voxaffect.outputs.figures.svg import to_svg
from voxaffect.outputs.report.context import build_context
from voxaffect.outputs.report.documents import (
    Document,
    check_document,
    document as to_document,
)
from voxaffect.outputs.report.drawings import draw_figures
from voxaffect.outputs.report.markdown import FIGURES, render_markdown
from voxaffect.outputs.report.page import list_figures, render_page
from voxaffect.records.arguments import check_path
from voxaffect.records.codec import to_json

_DAMAGE = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


def write_report(document: Document | Study, folder: str | Path) -> list[Path]:
    """Write an evaluation as JSON, Markdown with figures, and one self-contained page.

    The same document gives the same bytes. Each file is written whole or not at all; the page
    is the last, so where it is, everything is.

    Parameters
    ----------
    document : mapping or Study
        Of kind ``voxaffect evaluation``, format 1, as ``json.loads`` gives it; or the study
        that it is made of.
    folder : str or Path
        Made if it is absent; files of an earlier report are replaced.

    Returns
    -------
    list of Path
        ``report.json``, ``figures/*.svg``, ``report.md``, ``report.html``.

    Raises
    ------
    EvaluationError
        If the document is of another kind or format, holds no system, or is damaged.
    VoxaffectError
        If a file cannot be written.
    MissingExtraError
        If Matplotlib, Jinja2 or markdown-it-py is not installed.
    """
    folder = check_path(folder, "folder")
    if isinstance(document, Study):
        document = to_document(document)
    check_document(document, "the document")
    check_installed()
    files = _render_files(document, folder)
    for path in (folder, folder / FIGURES):
        make_folder(path)
    paths = [folder / name for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        write_text(path, text)
    return paths


def check_installed() -> None:
    """Refuse to begin where a library of the report is missing.

    Raises
    ------
    MissingExtraError
    """
    with extra("report"):
        import jinja2  # noqa: F401
        import markdown_it  # noqa: F401
        import matplotlib  # noqa: F401


def _render_files(document: Document, folder: Path) -> dict[str, str]:
    """Return the content of every file by its name, the page last."""
    try:
        context = build_context(document, folder)
        markdown = render_markdown(context)
        drawings = draw_figures(context)
        figures = {
            path: to_svg(drawings[Path(path).stem], Path(path).stem, title, description)
            for path, (title, description) in list_figures(markdown).items()
        }
        return {
            "report.json": to_json(document),
            **figures,
            "report.md": markdown,
            "report.html": render_page(markdown, figures),
        }
    except _DAMAGE as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise EvaluationError(
            f"the document is damaged ({escape_control(reason)}). Expected what document makes."
        ) from error
