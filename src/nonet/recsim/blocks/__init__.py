"""Building blocks: small actors and functions, each with its equation.

Affinities, choice, user state, estimation, corpora, recommenders, bandits.
"""
