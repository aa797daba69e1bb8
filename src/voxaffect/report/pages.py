"""A document as files: JSON, Markdown with figures, and one page."""

from __future__ import annotations

from pathlib import Path

from voxaffect.errors import EvaluationError, extra
from voxaffect.files import make_folder, printable, write_text
from voxaffect.report.blocks import Report
from voxaffect.report.content import lay_out
from voxaffect.report.documents import check_document, to_json
from voxaffect.report.html import to_html
from voxaffect.report.markdown import FIGURES, to_markdown
from voxaffect.report.reading import Document
from voxaffect.report.svg import to_svg


def write_report(document: Document, folder: str | Path) -> list[Path]:
    """Write an evaluation as JSON, Markdown with figures, and one self-contained page.

    The same document gives the same bytes. Each file is written whole or not at all; the page
    is the last, so where it is, everything is.

    Parameters
    ----------
    document : mapping
        Of kind ``voxaffect evaluation``, format 1, as ``json.loads`` gives it.
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
        If matplotlib or jinja2 is not installed.
    """
    folder = Path(folder)
    check_document(document, "the document")
    check_installed()
    report = _laid_out(document, folder)
    for place in (folder, folder / FIGURES):  # says now, not after the work, what cannot be made
        make_folder(place)
    figures = {plot.name: to_svg(plot) for plot in report.plots}
    files = {
        "report.json": to_json(document),
        **{f"{FIGURES}/{name}.svg": svg for name, svg in figures.items()},
        "report.md": to_markdown(report),
        "report.html": to_html(report, figures),
    }
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
        import matplotlib  # noqa: F401


def _laid_out(document: Document, folder: Path) -> Report:
    try:
        return lay_out(document, folder=folder)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise EvaluationError(
            f"the document is damaged ({printable(reason)}). Expected what va.document makes."
        ) from error
