"""The page in a real browser, without any network."""
