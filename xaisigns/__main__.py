"""``python -m xaisigns`` is the command line, where the script ``xaisigns`` is not on the path."""

from xaisigns.cli import main

if __name__ == "__main__":
    main()
