"""Fast text editing by tagging, pointing and insertion.

After Mallinson, Severyn, Malmi and Garrido, "FELIX: Flexible Text Editing Through Tagging and Insertion", Findings of
EMNLP 2020 (arXiv 2003.10687). A tagger says what of a text stays and a pointer in which order; an inserter fills in
what is missing. Neither writes token by token, so an edit is two passes of an encoder, whatever its length.
"""

import lazy_loader

# what `__init__.pyi` names is loaded at first use: torch and spaCy are heavy
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
