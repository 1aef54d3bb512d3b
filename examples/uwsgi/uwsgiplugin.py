"""Build description of the plugin: `uwsgi --build-plugin examples/uwsgi`, with evscale found by pkg-config.

uWSGI hands these words to a shell, so they stay quoted as pkg-config prints them.
"""

import subprocess


def ask(option):
    return subprocess.run(["pkg-config", option, "evscale"], check=True, capture_output=True, text=True).stdout.strip()


NAME = "cheaper_evscale"
CFLAGS = [ask("--cflags")]
LDFLAGS = []
LIBS = [ask("--libs"), "-Wl,-rpath," + ask("--variable=libdir")]
GCC_LIST = ["cheaper_evscale"]
