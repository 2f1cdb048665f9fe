#!/bin/sh
# The promises of a guest library: what it exports, what it needs, how old a system it runs on.
# Usage: symbols_test.sh LIBRARY
set -eu
library=$1
fail() {
  echo "symbols_test: $*" >&2
  exit 1
}

needed=$(objdump -p "$library" | awk '$1 == "NEEDED" {print $2}')
[ "$needed" = "libc.so.6" ] || fail "needs more than libc: $needed"

exported=$(objdump -T "$library" | awk '/ g +D[FO] / && $4 != "*UND*" && !/\*UND\*/ {print $NF}' | sort | tr '\n' ' ')
[ "$exported" = "clGetExtensionFunctionAddress clIcdGetPlatformIDsKHR " ] || fail "exports: $exported"

objdump -T "$library" | awk '/\*UND\*/' | grep -Eq '_Z|__cxa_(throw|guard|pure)|__gxx' &&
  fail "uses the C++ runtime: $(objdump -T "$library" | grep -E '_Z|__cxa_(throw|guard|pure)|__gxx')"

newest=$(objdump -T "$library" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -V | tail -1)
[ "$(printf '%s\n2.17\n' "$newest" | sort -V | tail -1)" = "2.17" ] || fail "needs glibc $newest"

objdump -p "$library" | grep -q 'FLAGS_1 .*' || fail "no dynamic flags"
readelf -d "$library" | grep -q NODELETE || fail "may be unloaded (-z nodelete is missing)"
echo "symbols_test: ok (glibc $newest)"
