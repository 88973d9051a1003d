"""Training small models alike, so that what they learn says something about their choices."""
