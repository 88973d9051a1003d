"""The modules against formulas written out from the papers."""
