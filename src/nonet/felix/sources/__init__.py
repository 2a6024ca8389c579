"""Where pairs come from: tables of one's own, the official layouts of known sets, and rules over plain text."""
