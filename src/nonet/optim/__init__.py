"""L-BFGS with strong Wolfe line search, with bounds, equality and inequality constraints, in torch.

After Sigrid Keydana, "torch for optimization", RStudio AI Blog (April 2021), whose two faces it keeps: a function to
minimise and an optimizer for the parameters of a module. `minimize` is the first, `LBFGS` the second.
"""

import lazy_loader

# what `__init__.pyi` names is loaded at first use: torch is heavy
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
