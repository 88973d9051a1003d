"""Tasks for lm-eval, with the data that they need. No torch here."""
