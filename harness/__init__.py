"""What an architectural choice in a language model costs and buys: specs, exact figures, comparison pages."""
