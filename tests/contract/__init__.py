"""What every choice owes, held over the registries: a new choice is tested by existing."""
