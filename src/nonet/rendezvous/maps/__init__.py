"""Maps: read from files, made at random, and gathered in suites."""
