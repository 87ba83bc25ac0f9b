"""`python -m tfsparse` is the command `tfsparse`."""

import sys

from tfsparse.command_line.main import main

if __name__ == "__main__":
    sys.exit(main())
