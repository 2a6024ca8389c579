"""The table of candidate pairs."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["CANDIDATES"]

CANDIDATES = pa.schema(
    [
        ("image", pa.string()),  # SHA-256 of the image file's bytes: two addresses of one file are one image
        ("url", pa.string()),
        ("alt", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("page", pa.string()),
        ("language", pa.string()),  # as the page declares it, or null
    ]
)
