"""Stories that come with nonet: the applications of the article and of its library."""
