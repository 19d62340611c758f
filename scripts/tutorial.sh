#!/bin/sh
# Opens the notebooks with the package of a build folder; the words after it go to Jupyter.
#   scripts/tutorial.sh build [--no-browser ...]
set -eu

build=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/../tutorial"
export PYTHONPATH="$build/python${PYTHONPATH:+:$PYTHONPATH}"
# Debian's interpreter, which the package was built for, whatever else is on the PATH.
export PATH="/usr/bin:$PATH"
[ "$(id -u)" -ne 0 ] || set -- --allow-root "$@"
exec jupyter notebook "$@"
