# What the scripts share: where things are, how much of the machine to use, how to speak.
# Sourced by bash, never run. Sets strict mode for the script that sources it.
set -euo pipefail
export LC_ALL=C.UTF-8

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
llvm=/usr/lib/llvm-22
venv=$root/.venv
python=$venv/bin/python
: "${TENON_BUILD_DIR:=$root/build}"
: "${TENON_MODELS:=$root/../shared/models}"

say() { printf '\033[1m==> %s\033[0m\n' "$*" | if [[ -t 1 ]]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Memory that this process may use, in MiB: the machine's, or less where a control group says so.
memory_mib() {
  local total limit
  total=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  if [[ $limit =~ ^[0-9]+$ ]] && ((limit / 1048576 < total)); then
    total=$((limit / 1048576))
  fi
  echo "$total"
}

# A compiler process peaks at about 1.2 GiB and a link at 1 GiB (with sanitizers 3 GiB).
jobs_for() { # MIB_EACH
  local by_memory=$(($(memory_mib) / $1)) by_cores
  by_cores=$(nproc)
  local jobs=$((by_memory < by_cores ? by_memory : by_cores))
  echo $((jobs > 0 ? jobs : 1))
}
compile_jobs=${TENON_JOBS:-$(jobs_for 1500)}
link_jobs=$(jobs_for 4000)

# Runs a command as root: directly, or through sudo without ever asking a question under CI.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    if [[ -n ${CI:-} ]]; then sudo -n "$@"; else sudo "$@"; fi
  else
    die "need root to run: $* (no sudo here; run it as root, then start again)"
  fi
}
