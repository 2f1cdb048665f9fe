# Oclgrind as the device: it reports every invalid call that reaches it. Through flexai none may appear that the
# program did not make itself (the other way round is right: the shim answers many before they reach the device).
oclgrind_icd=/usr/lib/oclgrind/liboclgrind-rt-icd.so
export OCLGRIND_GLOBAL_MEM_SIZE=3221225472  # its 128 MiB would be less than a device keeps in reserve
# Programs that Oclgrind 21.10 itself runs to their end (it hangs or crashes in threads and 2.x calls).
cases() { printf '%s\n' host_pointer map rect print references sub_buffer large_program include_path; }
prepare() { "$HERE/build_programs.sh" "$WORK"; }
run() {
  export CL_PROGRAM_PLATFORM=Oclgrind  # and no other device, should one be there
  if [ "$MODE" = native ]; then export OCL_ICD_VENDORS=$oclgrind_icd OCLGRIND_CHECK_API=1; fi
  "$WORK/$1" 2>errors
  echo "exit code of the program: $?"
  echo "--- errors"
  if [ "$MODE" = native ]; then cat errors; else cat errors "$FLEXAI_RUNTIME_DIR"/logs/* 2>/dev/null; fi |
    grep -aA2 'OpenCL runtime error' | grep -aE 'Function:|Error:' | paste -sd ' \n' | tr -s '\t ' ' ' | sort -u
}
# A daemon of its own: that of another suite would go on serving the device it found.
flexai_wrapper() {
  export FLEXAI_RUNTIME_DIR=$FLEXAI_RUNTIME_DIR/oclgrind FLEXAI_LOCK_DIR=$FLEXAI_RUNTIME_DIR/oclgrind
  mkdir -p "$FLEXAI_RUNTIME_DIR" "$FLEXAI_LOCK_DIR"
  rm -f "$FLEXAI_RUNTIME_DIR"/logs/*
  FLEXAI_NATIVE_ICDS=$oclgrind_icd OCLGRIND_CHECK_API=1 MEMORY=1Gi through_flexai "$@"
}
normalise() {
  local native=$results/oclgrind/$1/native.out line errors=
  while IFS= read -r line; do
    [ "$line" = "--- errors" ] && errors=1
    if [ -z "$errors" ]; then
      # Oclgrind's own codes for invalid calls are often not the standard's; those of a vXPU are.
      # So are its count of maps (always 0) and the host pointer of a sub-buffer (never null).
      [[ $line == *": CL_"* || $line == "maps "* || $line == "child: parent"* ]] || echo "$line"
    elif [[ $line == *Function:* ]] && ! grep -qxF -- "$line" "$native"; then
      echo "invalid call of flexai:$line"
    fi
  done
}
