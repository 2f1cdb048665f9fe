# This repository's own OpenCL programs (programs/*.c): every area of the API, with its errors.
cases() { (cd "$HERE/programs" && ls *.c | sed 's/\.c$//'); }
prepare() { "$HERE/build_programs.sh" "$WORK"; }
run() { "$WORK/$1"; }
expect() { [ "$1" != beyond ] || echo "$HERE/expected/beyond.txt"; }
normalise() {
  case $1 in
    device) legal_out info | legal_out codes ;;
    beyond) cat ;;
    *) legal_out codes ;;
  esac
}
