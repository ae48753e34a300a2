"""How well a film follows one painted frame, where the right answer is known."""
