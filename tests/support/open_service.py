"""`signoff serve` on the port that is the argument; each request counts as one of every scope."""

import sys
from functools import partial
from unittest import mock

import web

from signoff_schemas import Settings
from signoff_web import serving
from signoff_web.app import create_app

if __name__ == "__main__":
    opened = partial(create_app, authenticate=web.acting_as("any"))
    with mock.patch.object(serving, "create_app", opened):
        serving.serve(Settings.load(web_port=int(sys.argv[1])))
