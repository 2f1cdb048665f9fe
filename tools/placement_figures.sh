#!/bin/sh
# tools/placement_figures.sh DATA: prints the table of docs/placement.md from the openb files in folder DATA, with
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
done
