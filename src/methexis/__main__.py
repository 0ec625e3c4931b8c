"""``python -m methexis``: the command, where it is not on the path."""

from methexis.cli import main

if __name__ == "__main__":
    main()
