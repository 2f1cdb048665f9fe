# hashcat: the self-test and benchmark of some modes, and two passwords it must find.
cases() {
  printf '%s\n' mode-0 mode-100 mode-1400 crack-md5
  [ -z "$FULL" ] || printf '%s\n' mode-1000 mode-1700 mode-3000 mode-400 mode-5600 mode-2500 crack-sha256
}
run() {
  case $1 in
    mode-*) hashcat -b -m "${1#mode-}" --runtime 1 ;;
    crack-md5)
      printf hashcat | md5sum | cut -d' ' -f1 >hashes
      hashcat -m 0 -a 3 --potfile-disable hashes 'hash?l?l?l' ;;
    crack-sha256)
      printf flexai7 | sha256sum | cut -d' ' -f1 >hashes
      hashcat -m 1400 -a 3 --potfile-disable hashes 'flex?l?l?d' ;;
  esac
}
# Left: which tests ran, what was found, and every warning or error. Out: speeds, times, memory and tuning.
normalise() {
  tr '\r' '\n' | sed -E 's/\x1b\[[0-9;]*[A-Za-z]//g; s/^\* Device #([0-9]+): (.*), [0-9]+\/[0-9]+ MB \([0-9]+ MB allocatable\)/* Device #\1: \2/' |
    grep -vE '^(Speed|Started|Stopped|Time\.|Progress|Restore|Candidates|Rejected|Host memory|Watchdog|Guess\.Queue|\[s\]tatus|Dictionary|Initializ|Starting|Finished|  *$)' |
    sed -E 's/ +$//; s/^(Speed|Recovered).*//' | grep -v '^$'
}
