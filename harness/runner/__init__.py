"""From specs and metrics to stored results."""
