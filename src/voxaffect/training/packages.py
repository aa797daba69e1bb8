"""Packages whose plug-ins data and recipes come from, as model files and reports name them."""

from __future__ import annotations

from collections.abc import Collection

from voxaffect.corpora import CORPORA
from voxaffect.features import SETS
from voxaffect.training.dataset import Dataset
from voxaffect.training.recipes import RECIPES


def list_packages(data: Dataset, recipes: Collection[str]) -> dict[str, str]:
    """Versions of the packages whose plug-ins are the features, recipes and corpora.

    Parameters
    ----------
    data : Dataset
    recipes : collection of str
        Names; those that are no recipes count for nothing.

    Returns
    -------
    dict of str to str
        Empty if everything is of voxaffect.
    """
    plugins = [
        SETS.find_plugin(data.spec.name) if data.spec and data.spec.package else None,
        *map(RECIPES.find_plugin, recipes),
        *map(CORPORA.find_plugin, {one.corpus for one in data.utterances}),
    ]
    used = (plugin for plugin in plugins if plugin is not None)
    return {plugin.package: plugin.version for plugin in sorted(used, key=str)}
