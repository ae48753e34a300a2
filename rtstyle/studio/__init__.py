"""The studio: a page on this computer that shows the picture and its controls."""
