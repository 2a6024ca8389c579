"""Where recordings live: a folder for each participant under a random id, consent records apart, owner-only files."""

from nonet.gaze.store.consent import Consent
from nonet.gaze.store.recording import Session, SessionRecord
from nonet.gaze.store.rights import Receipt, expired, export, forget, traces
from nonet.gaze.store.shelf import Store, default_store

__all__ = [
    "Consent",
    "Receipt",
    "Session",
    "SessionRecord",
    "Store",
    "default_store",
    "expired",
    "export",
    "forget",
    "traces",
]
