# tinygrad trains two networks on scikit-learn's digits: every loss and every weight bit for bit.
cases() { printf '%s\n' dense convolution; }
run() { DEV=CL "$PYTHON" "$HERE/tinygrad_digits.py" "$1"; }
