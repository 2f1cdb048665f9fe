# pyopencl's own tests, from the source package of the installed version.
cases() {
  if [ -n "$FULL" ]; then printf '%s\n' test_algorithm test_array test_arrays_in_structs test_clmath test_clrandom \
    test_enqueue_copy test_wrapper; else printf '%s\n' test_arrays_in_structs test_enqueue_copy test_wrapper; fi
}
prepare() {
  local version
  version=$("$PYTHON" -c 'import importlib.metadata as m; print(m.version("pyopencl"))')
  [ -d "$WORK/pyopencl-$version" ] ||
    { "$PYTHON" -m pip download --quiet --no-deps --no-binary pyopencl "pyopencl==$version" -d "$WORK" &&
      tar -xf "$WORK/pyopencl-$version.tar.gz" -C "$WORK" pyopencl-"$version"/test; } &&
    ln -sfn "pyopencl-$version/test" "$WORK/test"
}
run() {
  cp -r "$WORK/test/." .
  # One test checks a cache folder of the operating system's user, not OpenCL, and fails natively.
  "$PYTHON" -m pytest -q -rA -p no:cacheprovider --tb=short -k 'not xdg_cache_home' "$1.py"
}
# One line for each test: how it ended and its name.
normalise() { grep -E '^(PASSED|FAILED|SKIPPED|XFAIL|XPASS|ERROR|Fatal|.*[Ss]egmentation)' | sed -E 's/ - .*//' | sort; }
