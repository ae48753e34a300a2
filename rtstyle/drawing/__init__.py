"""Contact sheets and line plots, as pictures."""
