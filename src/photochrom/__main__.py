"""The start of the `photochrom` command, also as `python -m photochrom`."""

import sys


def main() -> None:
    """Run the command line; an interruption is one line from the first import on."""
    try:
        from photochrom.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("photochrom: interrupted\n")
        sys.exit(130)  # 128 and the number of SIGINT, as a shell tells it


if __name__ == "__main__":
    main()
