#!/bin/sh
# tools/placement_figures.sh DATA: prints the tables of docs/placement.md from the openb files in folder DATA, with
# the programs of build/release (FLEXAI_BUILD_DIR names another build directory), and draws docs/pictures/arrivals.svg.
# It takes some minutes.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${FLEXAI_BUILD_DIR:-$root/build/release}
data=${1:?tools/placement_figures.sh needs the folder with the openb files}
nodes=$data/openb_node_list_gpu_node.csv
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
awk 'NR == 1 || NR % 2 == 0' "$nodes" > "$folder/every_other_node.csv"

# simulate NODES POLICIES SEEDS [OPTION]...
simulate() {
  on=$1
  policies=$2
  seeds=$3
  shift 3
  "$build/flexai" sim openb --nodes "$on" --pods "$data/openb_pod_list_$trace.csv" --policies "$policies" \
    --seeds "$seeds" "$@"
}

trace=default
simulate "$nodes" best-fit,fgd,hi 42-51 --plot "$root/docs/pictures/arrivals.svg" > "$folder/drawn"

for trace in default cpu100 gpushare40 gpuspec20 multigpu20; do
  echo "## $trace"
  simulate "$nodes" random,spread,binpack,best-fit,dot-product,fgd,hi 42-51 \
    --published "$data/published_allocation.csv" --timing
  for cpu_scale in 1 0.9 0.8 0.7; do
    for remote in "" --remote; do
      echo "### CPU x $cpu_scale $remote"
      # shellcheck disable=SC2086 # no word if empty
      simulate "$nodes" fgd,hi,hi-batch16 42-51 --cpu-scale $cpu_scale $remote
    done
  done
  echo "### other seeds"
  simulate "$nodes" fgd,hi 100-109
  echo "### every other node"
  simulate "$folder/every_other_node.csv" fgd,hi 42-51
done
