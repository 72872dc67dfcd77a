"""``python -m semivox`` is the command ``semivox``."""

from semivox.cli import main

if __name__ == "__main__":
    main()
