"""The fixtures of the integration tests, for foreign clients."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))

from fixtures import *  # noqa: E402,F401,F403
