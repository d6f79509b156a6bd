"""Recipes: per operator a function that draws one node of it (or a few), valid for the values at hand.

`RECIPES` maps (domain, operator) to (function, weight). A recipe takes the builder and the operator's name, and
raises `Reject` where it finds no way.
"""

import importlib
import pkgutil

RECIPES = {}


def recipe(*names, domain="", weight=1.0):
    """Registers a function for operators, given as one string with spaces or several."""

    def register(function):
        for name in " ".join(names).split():
            assert (domain, name) not in RECIPES, f"two recipes for {name}"
            RECIPES[domain, name] = function, weight
        return function

    return register


for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
