"""Where pairs come from: one room for each kind of source."""
