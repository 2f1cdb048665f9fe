# CLBlast's own tests of its routines, which compare the device's results with a reference on the host.
cases() {
  if [ -n "$FULL" ]; then (cd /usr/bin && ls clblast_test_* | sed 's/clblast_test_//'); else
    printf '%s\n' xaxpy xdot xnrm2 xamax xhad xger xgemv xomatcopy xsyrk; fi
}
run() { "clblast_test_$1"; }
normalise() { sed -E 's/\x1b\[[0-9;]*m//g'; }
