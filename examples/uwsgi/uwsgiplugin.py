"""Build description of the plugin: `uwsgi --build-plugin examples/uwsgi`, with evscale found by pkg-config.

uWSGI hands these words to a shell, so they stay quoted as pkg-config prints them, but for the bytes of letters beyond ASCII, which
it quotes one by one.
"""

import os
import re
import subprocess


def ask(option):
    words = subprocess.run(["pkg-config", option, "evscale"], check=True, capture_output=True).stdout.strip()
    return os.fsdecode(re.sub(rb"\\([\x80-\xff])", rb"\1", words))


NAME = "cheaper_evscale"
CFLAGS = [ask("--cflags")]
LDFLAGS = []
LIBS = [ask("--libs"), "-Wl,-rpath," + ask("--variable=libdir")]
GCC_LIST = ["cheaper_evscale"]
