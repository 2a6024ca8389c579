"""RecSim NG: recommender ecosystems, simulated, scored, fitted and inferred.

After Mladenov, Hsu, Jain, Ie, Colby, Mayoraz, Pham, Tran, Vendrov and Boutilier, "RecSim NG: Toward Principled
Uncertainty Modeling for Recommender Ecosystems", arXiv 2103.08057 (2021).
"""

import lazy_loader

# what `__init__.pyi` names is loaded at first use: jax is heavy
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
