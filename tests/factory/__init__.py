"""From a spec to a model."""
