"""``python -m voxaffect``."""

from voxaffect.cli import main

main()
