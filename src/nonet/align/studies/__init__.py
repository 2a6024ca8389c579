"""The article's claims, each re-made at the scale of a laptop: what `nonet.align.study` puts together."""
