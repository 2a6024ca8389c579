"""Judges any embedding against graded human similarity, within and across modalities.

After Parekh, Baldridge, Cer, Waters and Yang, "Crisscrossed Captions: Extended Intramodal and Intermodal Semantic
Similarity Judgments for MS-COCO", EACL 2021 (arXiv 2004.15020). The release has the ratings and no evaluation code;
here are all seven tasks with every undocumented choice as an option, the article's indirect sampling and its models,
and a page to collect ratings of your own pictures.
"""

import lazy_loader

# what `__init__.pyi` names is loaded at first use: torch and pyarrow are heavy
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
