# clinfo: every value of every platform and device, for people and for programs.
cases() { printf '%s\n' human raw list; }
run() {
  case $1 in
    human) clinfo ;;
    raw) clinfo --raw ;;
    list) clinfo -l ;;
  esac
}
# Differences: docs/compatibility.md, "Values of platform and device".
normalise() { legal_out info; }
