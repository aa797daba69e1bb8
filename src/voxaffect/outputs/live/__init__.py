"""Views of a live session in a terminal."""
