"""``python -m nonet`` is the ``nonet`` command."""

from nonet.cli import main

if __name__ == "__main__":
    main()
