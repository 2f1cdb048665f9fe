#!/bin/sh
# Makes or renews a Python environment with the pinned packages of a requirements file.
#   tools/venv.sh FOLDER REQUIREMENTS
# Only harnesses of other people's programs use Python (the demo's network, pyopencl's own tests).
set -eu
folder=$1
requirements=$2
# Not every python3 on the path is Debian's; the pinned versions are tested with Debian's.
python=/usr/bin/python3
[ -x $python ] || python=python3
[ -x "$folder/bin/python" ] || $python -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
touch "$folder/bin/python"
