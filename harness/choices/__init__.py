"""What a choice IS: options, source and closed-form costs, one file a choice. `harness.modules` is how it computes."""
