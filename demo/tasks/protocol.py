"""How a task of the demo talks with its driver: ready, a start time, the result; all times CLOCK_MONOTONIC."""
import json
import sys
import time


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def sleep_until_ns(when_ns):
    while (left := when_ns - now_ns()) > 0:
        time.sleep(left / 1e9)


def say(**fields):
    print(json.dumps(fields), flush=True)


def serve(run):
    """Says ready; for each line "start NS ARGUMENTS..." waits until NS and answers with run(arguments)."""
    say(ready=True)
    for line in sys.stdin:
        word, start_ns, *arguments = line.split()
        if word != "start":
            raise SystemExit(f"unknown command: {line!r}")
        sleep_until_ns(int(start_ns))
        started_ns = now_ns()
        result = run(*arguments)
        say(started_ns=started_ns, ended_ns=now_ns(), **result)
