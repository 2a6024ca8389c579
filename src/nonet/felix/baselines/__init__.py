"""What FELIX was compared with: a tagger of fixed phrases and an encoder-decoder, trained by the same command."""
