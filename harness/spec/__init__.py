"""Specs: YAML files that describe an architecture as one choice on every axis. No torch here."""

from harness.spec.library import load_spec, spec_names
from harness.spec.model import Claim, Spec

__all__ = ["Claim", "Spec", "load_spec", "spec_names"]
