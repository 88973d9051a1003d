"""What models are asked, and the data for it, as numpy arrays or as documents of lm-eval. No torch here."""
