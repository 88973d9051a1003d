"""The closed forms against published figures, formulas written out by hand, and the counters."""
