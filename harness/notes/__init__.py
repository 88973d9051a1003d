"""The claims of the notes that this program answers: what each says, of which specs, and what it is held against."""
