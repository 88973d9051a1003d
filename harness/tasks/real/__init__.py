"""Small tasks of real data; README.md tells where each comes from."""
