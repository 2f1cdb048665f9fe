#!/bin/sh
# tools/timed_figures.sh FOLDER [SEEDS]: the figures of timed runs in docs/scheduler.md. FOLDER holds the public openb
# files. It takes half an hour on two cores. Draws docs/pictures/timed.svg.
set -eu
folder=${1:?tools/timed_figures.sh needs the folder of the openb files}
seeds=${2:-1-10}
flexai=${FLEXAI_BUILD_DIR:-build/release}/flexai
run() {
  "$flexai" sim timed --nodes "$folder/openb_node_list_gpu_node.csv" --pods "$folder/openb_pod_list_default.csv" \
    --warm-up 60m "$@"
}
pictures=$(cd "$(dirname "$0")/.." && pwd)/docs/pictures
run --horizon 120m --policies best-fit,fgd,hi --seeds "$seeds" --load 1.0 --plot "$pictures/timed.svg" >/dev/null
for load in 0.9 1.0 1.1; do
  for move in '' --move; do
    printf '\n## load %s%s\n' "$load" "${move:+, jobs may be moved}"
    run --horizon 120m --policies best-fit,binpack,fgd,hi --seeds "$seeds" --load "$load" $move
  done
done

# Four fifths of the CPU: locally; remotely over links that cost nothing; over one that makes a remote member a tenth
# slower; and over one that moreover carries only a hundred of them at a time.
links=$(mktemp)
trap 'rm -f "$links"' EXIT
printf 'from,to,mbit,latency_us\ndefault,default,100000,100\n' >"$links"
scarce() {
  printf '\n## CPU x 0.8, load 1.0: %s\n' "$*"
  run --horizon 120m --policies fgd,hi --seeds "$seeds" --cpu-scale 0.8 --load 1.0 "$@"
}
scarce
scarce --remote
scarce --remote --round-trips 1000 --links "$links"
scarce --remote --round-trips 1000 --links "$links" --link-mbit 1000
