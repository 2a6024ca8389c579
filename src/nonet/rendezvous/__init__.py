"""Robots that agree where to meet without talking."""
