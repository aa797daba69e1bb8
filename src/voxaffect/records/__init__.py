"""Values to and from plain data, and the checks of arguments."""
