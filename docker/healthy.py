"""``python docker/healthy.py URL``: exit code 0 when the address answers within five seconds, for healthchecks."""

import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1], timeout=5) as answer:
    sys.exit(0 if answer.status == 200 else 1)
