"""nonet: nine systems from published articles, as one library.

Each wing is a package of its own (``nonet.align``, ``nonet.cxc`` …) and is imported only when it is used.
"""

__version__ = "0.1.0"
