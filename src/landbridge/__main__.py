"""``python -m landbridge`` is the command line."""

from landbridge.cli.main import main

main()
