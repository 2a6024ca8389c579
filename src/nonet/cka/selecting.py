"""Which modules of a model are looked at: every leaf, or those that names, globs or a function choose."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from torch import nn

from nonet.foundation.errors import UsageError

__all__ = ["Layers", "select", "unwrapped"]

Layers = str | Sequence[str] | Callable[[str, nn.Module], bool] | None


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside the wrappers of data parallelism and compilation."""
    while True:
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def select(model: nn.Module, layers: Layers = None) -> dict[str, nn.Module]:
    """Modules by name, each once, in the order of the model.

    Args:
        model: any module.
        layers: None for every leaf (a module without submodules); a name or glob such as ``"layer4.*"``, or several;
            or a function of name and module.
    Raises:
        UsageError: if a name or glob fits no module, or nothing is chosen.
    """
    modules = dict(model.named_modules())
    names = {name: name or type(model).__name__ for name in modules}
    if layers is None:
        chosen = {name for name, module in modules.items() if _is_leaf(module)}
    elif callable(layers):
        chosen = {name for name, module in modules.items() if layers(name, module)}
    else:
        chosen = set()
        for pattern in [layers] if isinstance(layers, str) else layers:
            fitting = {name for name in modules if name and fnmatchcase(name, pattern)}
            if not fitting:
                raise _unknown(pattern, list(modules))
            chosen |= fitting
    if not chosen:
        raise UsageError("No layer is chosen.", where=type(model).__name__, fix="Name some, or leave them out for all.")
    return {names[name]: module for name, module in modules.items() if name in chosen}


def _is_leaf(module: nn.Module) -> bool:
    return not any(True for _ in module.children()) and not isinstance(
        module, (nn.ModuleList, nn.ModuleDict, nn.Sequential)
    )


def _unknown(pattern: str, names: list[str]) -> UsageError:
    close = difflib.get_close_matches(pattern, names, n=3)
    hint = f"Did you mean {', '.join(close)}?" if close else f"The model has {', '.join(names[1:5])}, …"
    return UsageError(f"No module fits '{pattern}'.", where="layers", fix=hint)
