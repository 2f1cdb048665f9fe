#!/bin/sh
# tools/timed_figures.sh FOLDER [SEEDS]: the figures of timed runs in docs/placement.md. FOLDER holds the public openb
# files. Runs take some minutes on two cores.
set -eu
folder=${1:?tools/timed_figures.sh needs the folder of the openb files}
seeds=${2:-1-10}
flexai=${FLEXAI_BUILD_DIR:-build/release}/flexai
run() {
  "$flexai" sim timed --nodes "$folder/openb_node_list_gpu_node.csv" --pods "$folder/openb_pod_list_default.csv" \
    --policies best-fit,binpack,fgd,hi --seeds "$seeds" --warm-up 60m --horizon 120m "$@"
}
for load in 0.9 1.0 1.1; do
  for move in '' --move; do
    printf '\n## load %s%s\n' "$load" "${move:+, jobs may be moved}"
    run --load "$load" $move
  done
done
