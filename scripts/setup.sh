#!/bin/sh
# Installs the Debian packages that are missing; does nothing when none is. Asks nothing. Root or sudo.
#   scripts/setup.sh             what building and using Qloom takes
#   scripts/setup.sh test        and what only the tests take: a browser, other shells
#   scripts/setup.sh tutorial    and Jupyter
set -eu

packages="
build-essential cmake ninja-build ccache git
libfmt-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev zlib1g-dev libpng-dev libjpeg-dev
libonnx-dev libprotobuf-dev protobuf-compiler
libcpp-httplib-dev pkgconf
libtorch-dev libgloo-dev libopenblas-dev libopenblas0-pthread
verilator clang lld yosys nextpnr-ice40 fpga-icestorm
libunicorn-dev qemu-system-arm
libgtest-dev libgmock-dev libbenchmark-dev
python3-dev pybind11-dev python3-numpy python3-nbclient python3-ipykernel python3-matplotlib
libxml2-utils tcl
dataset-fashion-mnist
"

# npm builds the page of `qloom view`. Where Node.js came from elsewhere, npm is there already and Debian's would not go beside it.
command -v npm >/dev/null 2>&1 || packages="$packages nodejs npm"

case ${1-} in
test)
    packages="$packages zsh fish mandoc"
    command -v chromium >/dev/null 2>&1 || packages="$packages chromium-headless-shell"
    ;;
tutorial) packages="$packages jupyter-notebook python3-ipywidgets jupyter-nbextension-jupyter-js-widgets" ;;
esac

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "setup: this is not Debian; install by hand what these packages hold:" $packages
    exit 0
fi

missing=""
for package in $packages; do
    installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1; then
    as_root="sudo"
else
    echo "setup: these packages are missing and installing them needs root:$missing" >&2
    exit 1
fi

echo "setup: installing$missing"
$as_root apt-get -o Acquire::Retries=3 update -q
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -o Acquire::Retries=3 install -q -y --no-install-recommends $missing
