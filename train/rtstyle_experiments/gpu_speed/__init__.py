"""How fast the torch networks run on a GPU, with one upload and download a frame."""
