#!/bin/sh
# Formatting, clang-tidy and the repository check, over the files git knows.
#   tools/lint.sh BUILD-FOLDER        (a configured build: clang-tidy reads its compile_commands.json)
set -eu
build=$1
failed=0
git ls-files '*.cc' '*.h' '*.c' | xargs clang-format-14 --dry-run --Werror || failed=1
git ls-files 'src/*.cc' 'tools/*.cc' | xargs -P "$(nproc)" -n 4 clang-tidy-14 -p "$build" --quiet || failed=1
cmake --build "$build" --target repocheck && "$build/repocheck" . "$build" || failed=1
exit $failed
