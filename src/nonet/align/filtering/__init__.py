"""The data rules of ALIGN (Jia et al. 2021, section 3) on tables of candidate pairs.

`rules` says what each rule drops, `ngrams` counts the vocabulary, `funnel` applies all and reports, `tables` opens
DuckDB or Spark. Every step is an ``ibis`` expression, so the same code runs on one machine and on a cluster.
"""
