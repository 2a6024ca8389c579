"""Pairs by rules from plain English: sentence fusion and split, voice, disfluency, compression.

The rules of fusion follow DiscoFuse (Geva et al. 2019): a sentence or two with a discourse phenomenon are taken apart
into two sentences that can stand alone; what stood there is the target. The parse comes from spaCy with a model that is
installed as a data package.
"""
