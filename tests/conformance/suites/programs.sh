# This repository's own OpenCL programs (programs/*.c): every area of the API, with its errors.
cases() { (cd "$HERE/programs" && ls *.c | sed 's/\.c$//'); }
prepare() { "$HERE/build_programs.sh" "$WORK"; }
run() { "$WORK/$1"; }
expect() { [ "$1" != beyond ] || echo "$HERE/expected/beyond.txt"; }
normalise() { if [ "$1" = device ]; then quota_values_out; else cat; fi; }
