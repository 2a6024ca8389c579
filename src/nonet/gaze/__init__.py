"""Eye tracking with a plain camera: its tasks, its error stated, and the mental-fatigue biomarker.

Valliappan, Dai, Steinberg, He, Rogers, Ramachandran, Xu, Shojaeizadeh, Guo, Kohlhoff, Navalpakkam: "Accelerating eye
movement research via accurate and affordable smartphone eye tracking", Nature Communications 11, 4553 (2020).
Tseng, Valliappan, Ramachandran, Choudhury, Navalpakkam: "Digital biomarker of mental fatigue", npj Digital Medicine 4,
47 (2021).
"""

import lazy_loader

# what `__init__.pyi` names is loaded at first use: torch, scikit-learn and scipy are heavy
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
