#!/bin/sh
# tools/placement_figures.sh DATA: prints the tables of docs/placement.md from the openb files in folder DATA, with
# the programs of build/release (FLEXAI_BUILD_DIR names another build directory).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${FLEXAI_BUILD_DIR:-$root/build/release}
data=${1:?tools/placement_figures.sh needs the folder with the openb files}
for trace in default cpu100 gpushare40 gpuspec20 multigpu20; do
  echo "## $trace"
  "$build/flexai" sim openb --nodes "$data/openb_node_list_gpu_node.csv" --pods "$data/openb_pod_list_$trace.csv" \
    --policies random,spread,binpack,best-fit,dot-product,fgd,hi --seeds 42-51 \
    --published "$data/published_allocation.csv" --timing
  for cpu_scale in 1 0.8; do
    for remote in "" --remote; do
      echo "### CPU x $cpu_scale $remote"
      # shellcheck disable=SC2086 # no word if empty
      "$build/flexai" sim openb --nodes "$data/openb_node_list_gpu_node.csv" \
        --pods "$data/openb_pod_list_$trace.csv" --policies fgd,hi --seeds 42-51 --cpu-scale $cpu_scale $remote
    done
  done
done
