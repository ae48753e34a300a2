"""Draw contact sheets and line plots as pictures."""
