"""Pictures that training draws: photographs, styles, motion."""
