# clpeak: all its tests run to their end; its figures are measurements, and only that they are there is compared.
cases() {
  if [ -n "$FULL" ]; then printf '%s\n' all-tests; else printf '%s\n' kernel-latency compute-integer transfer-bandwidth; fi
}
run() { clpeak "--$1"; }
normalise() { sed -E 's/: +[0-9.]+( us)?$/: measured\1/'; }
