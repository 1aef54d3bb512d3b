import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "golden"))
sys.path.insert(0, str(Path(__file__).parents[1]))

# A shell without job control starts what runs in its background with Ctrl-C ignored; tests and their children hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)
