"""Which layers of one or two networks compute the same thing, and what to do about it.

After Thao Nguyen, Maithra Raghu and Simon Kornblith, "Do Wide and Deep Networks Learn the Same Things? Uncovering How
Neural Network Representations Vary with Width and Depth" (ICLR 2021), and their "On the Origins of the Block Structure
Phenomenon in Neural Network Representations" (TMLR 2022).

``cka(model, loader)`` is the whole of it for most uses; ``compare`` takes several models at once.
"""

import lazy_loader

# what `__init__.pyi` names is loaded at first use: torch is heavy
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
