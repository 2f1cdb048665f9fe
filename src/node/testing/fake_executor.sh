#!/bin/sh
# FAKE. Stands for `flexai-executor --probe` in tests of flexaid: prints the inventory in FLEXAI_FAKE_PROBE, or one
# device.
if [ "$1" != --probe ]; then
  echo "the fake executor knows --probe only" >&2
  exit 2
fi
if [ -n "$FLEXAI_FAKE_PROBE" ]; then
  exec cat "$FLEXAI_FAKE_PROBE"
fi
cat <<END
{"version": "0.1.0", "errors": [], "platforms": [{"index": 0, "name": "Fake Platform", "vendor": "flexai tests",
 "version": "OpenCL 3.0", "icd": "fake.icd", "suffix": "FAKE", "devices": [{"index": 0, "name": "Fake Device",
 "type": "cpu", "driver_version": "1", "global_mem_bytes": 8589934592, "max_alloc_bytes": 2147483648,
 "compute_units": 2, "unified_memory": true, "available": true}]}]}
END
