"""`python -m harness`, the same as `harness`."""

from harness.cli.app import main

main()
