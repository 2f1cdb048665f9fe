#!/bin/sh
# Installs the Debian packages that are missing for the given purposes, and nothing else: no setting is changed.
#   tools/bootstrap.sh build|test|python|demo|bench|conformance|fuzz|check...
# Uses root, or sudo; says what it installs before it does. Without apt it only says what must be there.
set -eu

packages_for() {
  case $1 in
    build) echo g++ cmake ninja-build pkg-config libfmt-dev nlohmann-json3-dev libcli11-dev libgtest-dev libboost-dev libtomlplusplus-dev \
      libgmock-dev opencl-c-headers ocl-icd-libopencl1 ocl-icd-opencl-dev libseccomp-dev ;;
    test) echo pocl-opencl-icd binutils clinfo ;;
    python) echo python3 python3-venv ca-certificates ;;
    demo) echo pocl-opencl-icd util-linux ;;
    bench) echo pocl-opencl-icd util-linux ;;
    conformance) echo pocl-opencl-icd gcc clinfo clpeak hashcat clblast-tests oclgrind tar ;;
    fuzz) echo clang-14 libclang-rt-14-dev ;;
    check) echo clang-format-14 clang-tidy-14 ;;
    *) echo "bootstrap.sh: unknown purpose '$1' (see the first lines of this script)" >&2; exit 2 ;;
  esac
}

[ $# -gt 0 ] || { echo "usage: tools/bootstrap.sh build|test|python|demo|bench|conformance|fuzz|check..." >&2; exit 2; }
wanted=
for purpose in "$@"; do wanted="$wanted $(packages_for "$purpose")" || exit 2; done

if ! command -v dpkg-query >/dev/null; then
  echo "bootstrap.sh: not a Debian system; these must be installed (Debian's names):$wanted" >&2
  exit 0
fi
missing=
for package in $wanted; do
  case " $missing " in *" $package "*) continue ;; esac
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=absent
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "bootstrap.sh: run as root or with sudo: apt-get install$missing" >&2; exit 1; }
  root=sudo
fi
echo "bootstrap.sh: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
