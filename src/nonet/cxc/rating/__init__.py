"""Collecting ratings: the pairs to rate, the store that loses none, and how far raters agree."""
