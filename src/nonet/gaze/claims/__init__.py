"""The claims of the two articles, one room for each kind."""
