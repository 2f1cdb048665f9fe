#!/bin/sh
# Compiles every program of programs/ against the system's OpenCL loader.
#   build_programs.sh OUTPUT-FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$1
mkdir -p "$output"
for source in "$here"/programs/*.c; do
  program=$output/$(basename "$source" .c)
  [ "$program" -nt "$source" ] && [ "$program" -nt "$here/programs/program.h" ] && continue
  cc -std=gnu11 -O1 -g -Wall -Wextra -o "$program" "$source" -lOpenCL -lpthread -ldl -lm
done
