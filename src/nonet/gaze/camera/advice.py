"""Why a frame cannot be used, and what the participant can do about it."""

__all__ = ["ADVICE"]

ADVICE = {
    "no face": "No face is seen. Sit so that the camera sees your whole face.",
    "two faces": "Two faces are seen. Only one person may be before the camera.",
    "too dark": "The picture is too dark. Turn on a lamp in front of you.",
    "turned away": "The face is turned away. Face the screen.",
    "too far": "The eyes are too small in the picture. Come closer.",
    "at the edge": "An eye is at the edge of the picture. Move to the middle.",
    "eyes shut": "The eyes are shut.",
}
"""By reason, a sentence or two."""
