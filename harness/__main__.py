"""The program `harness`, and `python -m harness`: whatever is being imported or done, it ends when it is told to."""

from __future__ import annotations

from harness.ending import Ended, ignore, leave, listen


def main() -> None:
    """Run the command line."""
    listen()
    try:
        try:
            from harness.cli.app import main

            main()
        finally:
            ignore()
    except Ended as ended:
        leave(ended)


if __name__ == "__main__":
    main()
