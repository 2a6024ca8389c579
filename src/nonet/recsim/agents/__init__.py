"""Recommenders that learn in a simulated world, and their training."""
