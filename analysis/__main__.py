"""``python -m analysis`` is the command ``lianjian``."""

import sys

from analysis.cli import main

sys.exit(main())
