"""What a choice IS: options, source and closed-form costs, one file a choice. How it computes is in `harness.modules`."""
