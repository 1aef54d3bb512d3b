"""A WSGI application whose requests take a tenth of a second."""

import time


def application(environ, start_response):
    time.sleep(0.1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done\n"]
