"""ALIGN: image and text embeddings learnt from noisy alt text.

Jia, Yang, Xia, Chen, Parekh, Pham, Le, Sung, Li, Duerig: "Scaling Up Visual and Vision-Language Representation
Learning With Noisy Text Supervision", ICML 2021 (arXiv 2102.05918).
"""

import lazy_loader

# what `__init__.pyi` names is loaded at first use: pyarrow, Pillow and torch are heavy
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
