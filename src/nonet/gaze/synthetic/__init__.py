"""Rendered participants: people, where they sit and look, and the pictures a camera takes of their eyes."""
