"""Maps: read from files, made of chances, and gathered in suites."""
