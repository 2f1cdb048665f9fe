# Oclgrind as the device: it reports every invalid call that reaches it. Through flexai none may appear that the
# program did not make itself (the other way round is right: the shim answers many before they reach the device).
oclgrind_icd=/usr/lib/oclgrind/liboclgrind-rt-icd.so
# Programs that Oclgrind 21.10 itself runs to their end (it hangs or crashes in threads and 2.x calls).
cases() { printf '%s\n' host_pointer map rect print references sub_buffer large_program include_path; }
prepare() { "$HERE/build_programs.sh" "$WORK"; }
run() {
  if [ "$MODE" = native ]; then export OCL_ICD_VENDORS=$oclgrind_icd OCLGRIND_CHECK_API=1; fi
  "$WORK/$1" 2>errors
  echo "exit code of the program: $?"
  echo "--- errors"
  if [ "$MODE" = native ]; then cat errors; else cat errors "$FLEXAI_RUNTIME_DIR"/logs/* 2>/dev/null; fi |
    grep -aA2 'OpenCL runtime error' | grep -aE 'Function:|Error:' | paste -sd ' \n' | tr -s '\t ' ' ' | sort -u
}
flexai_wrapper() {
  rm -f "$FLEXAI_RUNTIME_DIR"/logs/*
  FLEXAI_NATIVE_ICDS=$oclgrind_icd OCLGRIND_CHECK_API=1 through_flexai "$@"
}
normalise() {
  local native=$results/oclgrind/$1/native.out line errors=
  while IFS= read -r line; do
    [ "$line" = "--- errors" ] && errors=1
    if [ -z "$errors" ]; then
      echo "$line"
    elif ! grep -qxF -- "$line" "$native"; then
      echo "invalid call of flexai:$line"
    fi
  done
}
