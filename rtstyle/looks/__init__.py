"""What can be changed in a picture: one table of controls, and looks as files."""
