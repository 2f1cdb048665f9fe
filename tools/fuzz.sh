#!/bin/sh
# Runs every fuzzer of a build for an equal part of a time, each on its own growing corpus; fails at the first finding.
#   tools/fuzz.sh BUILD-FOLDER MINUTES
set -eu
build=$1
minutes=$2
fuzzers=$(find "$build" -maxdepth 1 -name 'fuzz_*' -type f -perm -u+x | sort)
[ -n "$fuzzers" ] || { echo "fuzz.sh: no fuzzer in $build" >&2; exit 1; }
count=$(echo "$fuzzers" | wc -l)
seconds=$((minutes * 60 / count))
for fuzzer in $fuzzers; do
  name=$(basename "$fuzzer")
  corpus=$build/corpus/$name
  seeds=fuzz/corpus/${name#fuzz_}
  mkdir -p "$corpus"
  rm -f "$build/$name"-crash-* "$build/$name"-oom-* "$build/$name"-timeout-* "$build/$name"-leak-*
  echo "== $name: $seconds s"
  "$fuzzer" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=4096 -print_final_stats=1 \
    -artifact_prefix="$build/$name-" "$corpus" $([ -d "$seeds" ] && echo "$seeds") 2>&1 |
    tee "$build/$name.log" | grep -E '^(stat::|==|SUMMARY|artifact_prefix|.*(ERROR|crash))' || true
  # A pipe hides the fuzzer's own exit status; a finding always leaves a file.
  findings=$(find "$build" -maxdepth 1 -name "$name-crash-*" -o -maxdepth 1 -name "$name-oom-*" \
    -o -maxdepth 1 -name "$name-timeout-*" -o -maxdepth 1 -name "$name-leak-*")
  if [ -n "$findings" ]; then
    echo "$findings" >&2
    echo "fuzz.sh: $name found the input above" >&2
    exit 1
  fi
done
echo "$count fuzzers, $minutes minutes, no finding"
