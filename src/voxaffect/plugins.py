"""Plug-ins: corpora, feature sets, recipes and formats that installed packages bring.

A package names what it brings in entry points of the groups ``voxaffect.corpora``,
``voxaffect.features``, ``voxaffect.recipes`` and ``voxaffect.formats``. Names are read when one is
needed that is not built in; a plug-in is imported when it is used. docs/plug-ins.md has examples.
"""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from voxaffect.errors import PluginError, VoxaffectError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Kind = Literal["corpora", "features", "recipes", "formats"]
Value = TypeVar("Value")
_NOUNS: Mapping[Kind, str] = {
    "corpora": "corpus",
    "features": "feature set",
    "recipes": "recipe",
    "formats": "format",
}
_NAME = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plugin:
    """Entry point of an installed package.

    Parameters
    ----------
    kind : {"corpora", "features", "recipes", "formats"}
    name : str
        That the commands know it by.
    package : str
        Name of the distribution, as pip has it.
    version : str
        Of the package.
    entry_point : EntryPoint
    """

    kind: Kind
    name: str
    package: str
    version: str
    entry_point: EntryPoint = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{_NOUNS[self.kind]} {self.name!r} of {self.package} {self.version}"

    def load(self) -> object:
        """Import the object that the entry point names.

        Raises
        ------
        PluginError
            If it cannot be imported, whatever the reason.
        """
        try:
            return self.entry_point.load()
        except (Exception, SystemExit) as error:  # a stranger's code can raise anything
            raise self.fail(f"cannot be loaded ({_describe(error)})") from error

    def fail(self, reason: str) -> PluginError:
        """Error that names the plug-in and its package."""
        return PluginError(f"{self} {reason}. Update or uninstall {self.package}.")


def _describe(error: BaseException) -> str:
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}" if lines[0] else type(error).__name__


def guard(plugin: Plugin, function: Callable[..., Any]) -> Callable[..., Any]:
    """Function of a plug-in whose unexpected errors name its package."""

    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except VoxaffectError:
            raise
        except Exception as error:
            raise plugin.fail(f"failed ({_describe(error)})") from error

    return call


def list_plugins() -> tuple[Plugin, ...]:
    """Plug-ins of all installed packages, by kind and name; none is imported.

    The packages are searched once; after an installation in a running process, call ``refresh``.

    Examples
    --------
    >>> from voxaffect.plugins import list_plugins
    >>> [plugin.name for plugin in list_plugins() if plugin.package == "voxaffect"]
    []
    """
    return tuple(plugin for kind in _NOUNS for plugin in _search(kind))


@cache
def _search(kind: Kind) -> tuple[Plugin, ...]:
    """Plug-ins of a kind, by name and package."""
    from importlib.metadata import entry_points  # no command waits for it that uses no plug-in

    try:
        points = entry_points(group=f"voxaffect.{kind}")
    except Exception as error:  # the metadata of any package can be damaged
        _log.warning("plug-ins cannot be listed (%s).", _describe(error))
        return ()
    plugins = (Plugin(kind, point.name, *_name_package(point), point) for point in points)
    return tuple(sorted(plugins, key=lambda one: (one.name, one.package)))


def _name_package(point: EntryPoint) -> tuple[str, str]:
    try:
        name, version = (point.dist.name, point.dist.version) if point.dist else ("", "")
    except Exception:  # the same
        name = version = ""
    return name or "an unknown package", version or "of no version"


def refresh() -> None:
    """Search the installed packages again when a plug-in is needed next."""
    importlib.invalidate_caches()
    _search.cache_clear()
    _noted.clear()
    for registry in _REGISTRIES:
        registry.forget()


class Registry(Mapping[str, Value], Generic[Value]):
    """Built-in values of a kind and those of plug-ins, by name.

    Names that are built in need no search and no import. A plug-in is imported when its value is
    asked for. It cannot have a name that is built in.

    Parameters
    ----------
    kind : {"corpora", "features", "recipes", "formats"}
    builtins : mapping of str to value
    read : callable
        From a plug-in and the object it names to the value; it raises ValueError with what is
        wrong, and KeyError if the plug-in has none for this registry.
    reserved : collection of str
        Other names that plug-ins cannot have.
    """

    def __init__(
        self,
        kind: Kind,
        builtins: Mapping[str, Value],
        read: Callable[[Plugin, Any], Value],
        *,
        reserved: Collection[str] = (),
    ) -> None:
        self.kind: Kind = kind
        self.builtins = builtins
        self._read = read
        self._reserved = frozenset(reserved)
        self._loaded: dict[str, Value] = {}
        _REGISTRIES.append(self)

    def __getitem__(self, name: str) -> Value:
        if name in self.builtins:
            return self.builtins[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self.builtins or name in self._find_plugins()

    def __iter__(self) -> Iterator[str]:
        yield from self.builtins
        yield from self._find_plugins()

    def __len__(self) -> int:
        return len(self.builtins) + len(self._find_plugins())

    def find_plugin(self, name: str) -> Plugin | None:
        """Plug-in of a name; None for what is built in or not there."""
        if name in self.builtins:
            return None
        plugins = self._find_plugins().get(name, [])
        return plugins[0] if len(plugins) == 1 else None

    def load_usable(self) -> dict[str, Value]:
        """Everything that can be loaded; what cannot is a warning in the log."""
        values = {}
        for name in self:
            try:
                values[name] = self[name]
            except KeyError:
                continue
            except PluginError as error:
                _log.warning("%s", error)
        return values

    def list_loaded(self) -> dict[str, Value]:
        """Values that are built in, or were loaded so far."""
        return {**self._loaded, **self.builtins}

    def list_faults(self) -> list[str]:
        """Reasons why plug-ins are ignored for their names, one line each."""
        return [
            f"{plugin} is ignored: {reason}. Its package has to choose another name."
            for plugin in _search(self.kind)
            if (reason := self._refuse_name(plugin.name))
        ]

    def forget(self) -> None:
        """Load each plug-in again when it is needed next."""
        self._loaded.clear()

    def _find_plugins(self) -> dict[str, list[Plugin]]:
        """Plug-ins by name, usually one each; faulty names are noted once."""
        if self.kind not in _noted:
            _noted.add(self.kind)
            for fault in self.list_faults():
                _log.warning("%s", fault)
        plugins: dict[str, list[Plugin]] = {}
        for plugin in _search(self.kind):
            if not self._refuse_name(plugin.name):
                plugins.setdefault(plugin.name, []).append(plugin)
        return plugins

    def _refuse_name(self, name: str) -> str:
        """Reason why a plug-in cannot have a name, or nothing."""
        if name in self.builtins or name in self._reserved:
            return "the name is built in"
        if not _NAME.fullmatch(name):
            return "a name has lower-case letters, digits and single hyphens or underscores"
        return ""

    def _load(self, name: str) -> Value:
        plugins = self._find_plugins().get(name, [])
        if not plugins:
            raise KeyError(name)
        if len(plugins) > 1:
            packages = " and ".join(f"{one.package} {one.version}" for one in plugins)
            noun = _NOUNS[self.kind]
            raise PluginError(f"{noun} {name!r} is in {packages}. Uninstall all but one.")
        (plugin,) = plugins
        value = plugin.load()
        try:
            return self._read(plugin, value)
        except ValueError as error:
            raise plugin.fail(f"cannot be used ({error})") from error
        except VoxaffectError as error:
            raise plugin.fail(f"cannot be used ({error})".replace(".)", ")")) from error


_REGISTRIES: list[Registry[Any]] = []
_noted: set[Kind] = set()
"""Kinds whose faulty names are in the log."""
